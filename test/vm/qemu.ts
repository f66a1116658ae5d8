// The emulated machine: its parts, and a run of it from power-on to power-off or to the time limit.

import { closeSync, existsSync, openSync, readSync } from "node:fs";
import { totalmem } from "node:os";
import { type Accelerator, machineArguments } from "./accelerator.ts";
import { type Architecture, architectures } from "./architecture.ts";
import type { Kernel } from "./kernel.ts";

/** A folder of this machine that the guest can mount by 9p. */
export interface Share {
  tag: string;
  folder: string;
  writable: boolean;
}

export interface Machine {
  architecture: Architecture;
  accelerator: Accelerator;
  kernel: Kernel;
  kernelArguments: readonly string[];
  initramfs: string;
  shares: readonly Share[];
  /** A file that gets all that the guest's kernel says. */
  consoleLog: string;
}

export type Ending = "powered off" | "time limit";

const memoryMebibytes = 3072;
/** Two, so that processes of the guest truly run at the same time; each one keeps a core of this machine busy. */
const processors = 2;

/** The qemu command for a machine. */
export function qemuCommand(machine: Machine): string[] {
  const { architecture, accelerator, kernel } = machine;
  const { qemuCommand: program, console } = architectures[architecture];
  const commandLine = [`console=${console}`, "panic=-1", "mitigations=off", ...machine.kernelArguments];
  return [
    program,
    ...machineArguments(architecture, accelerator),
    ...["-smp", `${processors}`, "-m", `${memoryMebibytes}`],
    ...["-nodefaults", "-display", "none", "-monitor", "none", "-no-reboot"],
    ...["-serial", `file:${machine.consoleLog}`],
    ...["-kernel", kernel.image, "-initrd", machine.initramfs],
    // panic=-1 reboots at once, which -no-reboot turns into an end: a kernel panic does not wait for the time limit.
    ...["-append", commandLine.join(" ")],
    ...["-device", "virtio-rng-pci"],
    // A network interface that leads nowhere: a container must not see it, and for that it has to be there.
    ...["-netdev", "user,id=net,restrict=on", "-device", "virtio-net-pci,netdev=net,romfile="],
    ...machine.shares.flatMap(shareArguments),
  ];
}

function shareArguments({ tag, folder, writable }: Share): string[] {
  const path = folder.replaceAll(",", ",,");
  return [
    "-fsdev",
    // multidevs=remap: the root share spans several file systems, whose inode numbers must not collide.
    `local,id=${tag},path=${path},security_model=none,multidevs=remap,readonly=${writable ? "off" : "on"}`,
    "-device",
    `virtio-9p-pci,fsdev=${tag},mount_tag=${tag}`,
  ];
}

/** Runs the machine, copying what the tests print to stdout while they print it. */
export async function runMachine(options: {
  machine: Machine;
  output: string;
  timeoutMs: number;
}): Promise<Ending> {
  const { machine, output, timeoutMs } = options;
  if (totalmem() < memoryMebibytes * 2 ** 20)
    throw new Error(`the guest needs ${memoryMebibytes} MiB of memory`);
  const child = Bun.spawn(qemuCommand(machine), { stdin: "ignore", stdout: "ignore", stderr: "pipe" });
  const kill = () => child.kill("SIGKILL");
  const stop = () => {
    kill();
    process.exit(130);
  };
  process.once("SIGINT", stop).once("SIGTERM", stop).once("SIGHUP", stop);
  let ending: Ending = "powered off";
  const limit = setTimeout(() => {
    ending = "time limit";
    kill();
  }, timeoutMs);
  const tail = followFile(output);
  const polling = setInterval(tail, 200);

  const complaints = await child.stderr.text();
  await child.exited;
  clearTimeout(limit);
  clearInterval(polling);
  process.off("SIGINT", stop).off("SIGTERM", stop).off("SIGHUP", stop);
  tail();
  if (child.exitCode !== 0 && ending === "powered off") throw new Error(`qemu failed: ${complaints.trim()}`);
  return ending;
}

/** A function that prints what a file has gained since the last call. */
function followFile(path: string): () => void {
  const buffer = Buffer.alloc(65536);
  let position = 0;
  return () => {
    if (!existsSync(path)) return;
    const file = openSync(path, "r");
    for (let count = readSync(file, buffer, 0, buffer.length, position); count > 0; ) {
      process.stdout.write(Buffer.from(buffer.subarray(0, count)));
      position += count;
      count = readSync(file, buffer, 0, buffer.length, position);
    }
    closeSync(file);
  };
}
