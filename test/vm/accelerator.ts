// Whether KVM can run the guest, which makes it ten times as fast. Having /dev/kvm proves nothing: inside another
// virtual machine it may be there and hang as soon as it is used. So a kernel is booted with it for a moment.

import { accessSync, constants, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type Architecture, architectures, hostArchitecture } from "./architecture.ts";
import { say } from "./command.ts";
import type { Kernel } from "./kernel.ts";

export type Accelerator = "kvm" | "tcg";

/** The qemu arguments for the machine and its processor; with KVM the processor is the real one. */
export function machineArguments(architecture: Architecture, accelerator: Accelerator): string[] {
  const { qemuMachine, qemuProcessor } = architectures[architecture];
  return accelerator === "kvm"
    ? ["-machine", qemuMachine, "-cpu", "host", "-accel", "kvm"]
    : ["-machine", qemuMachine, "-cpu", qemuProcessor, "-accel", "tcg,thread=multi,tb-size=512"];
}

const probeTimeoutMs = 15_000;

/** "kvm" where it works for this architecture, else "tcg": emulation in software. */
export async function chooseAccelerator(options: {
  architecture: Architecture;
  kernel: Kernel;
  folder: string;
}): Promise<Accelerator> {
  if (options.architecture !== hostArchitecture()) return "tcg";
  try {
    accessSync("/dev/kvm", constants.R_OK | constants.W_OK);
  } catch {
    return "tcg";
  }
  if (await kvmBoots(options)) return "kvm";
  say("/dev/kvm is there but does not work; emulating instead, which is slow");
  return "tcg";
}

/** Without an initramfs the kernel panics after a second, which is enough: what counts is that it got that far. */
async function kvmBoots(options: {
  architecture: Architecture;
  kernel: Kernel;
  folder: string;
}): Promise<boolean> {
  const { architecture, kernel, folder } = options;
  const { qemuCommand, console } = architectures[architecture];
  const log = join(folder, "kvm-probe.log");
  rmSync(log, { force: true });
  const child = Bun.spawn(
    [
      ...[qemuCommand, ...machineArguments(architecture, "kvm")],
      ...["-m", "256", "-nodefaults", "-display", "none", "-monitor", "none", "-no-reboot"],
      ...["-serial", `file:${log}`, "-kernel", kernel.image, "-append", `console=${console} panic=-1`],
    ],
    { stdin: "ignore", stdout: "ignore", stderr: "ignore" },
  );
  // A process that hangs in the kernel cannot even be killed, so nobody waits for it beyond the time limit.
  const ended = await Promise.race([
    child.exited.then(() => true),
    Bun.sleep(probeTimeoutMs).then(() => false),
  ]);
  if (!ended) {
    child.kill("SIGKILL");
    child.unref();
    return false;
  }
  return child.exitCode === 0 && readFileSync(log, "latin1").includes("Linux version");
}
