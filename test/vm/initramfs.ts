// The small archive the kernel unpacks as its first root: busybox, modules, and the scripts that start the guest.

import { chmodSync, copyFileSync, cpSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Architecture } from "./architecture.ts";
import { repository } from "./cache.ts";
import { runShell } from "./command.ts";
import type { Kernel } from "./kernel.ts";

/** What the guest's scripts have to know. */
export interface GuestSettings {
  architecture: Architecture;
  /** Whether there is a share with a Bun of the guest's architecture. */
  bunShared: boolean;
  timeLimitMs: number;
  testCommand: readonly string[];
}

/** Where the results share is in the guest. */
export const guestResults = "/run/crab-can-vm/results";

/** Packs the initramfs into `folder` and returns its path. */
export async function packInitramfs(options: {
  kernel: Kernel;
  settings: GuestSettings;
  folder: string;
}): Promise<string> {
  const { kernel, settings, folder } = options;
  const tree = join(folder, "initramfs");
  const archive = join(folder, "initramfs.cpio");
  mkdirSync(tree, { recursive: true });
  copyFileSync(kernel.busybox, join(tree, "busybox"));
  copyFileSync(join(import.meta.dir, "guest-init.sh"), join(tree, "init"));
  copyFileSync(join(import.meta.dir, "guest-machine.sh"), join(tree, "guest-machine.sh"));
  for (const program of ["busybox", "init"]) chmodSync(join(tree, program), 0o755);
  cpSync(kernel.modules, join(tree, "modules"), { recursive: true });
  writeFileSync(join(tree, "settings"), settingsFile(settings));
  // Not compressed: the emulated machine would take longer to unpack it than to load it.
  await runShell('cd "$1"; find . | cpio --quiet -o -H newc >"$2"', tree, archive);
  rmSync(tree, { recursive: true });
  return archive;
}

function settingsFile(settings: GuestSettings): string {
  return [
    `REPOSITORY=${quote(repository)}`,
    `ARCHITECTURE=${settings.architecture}`,
    `BUN_SHARED=${settings.bunShared ? "yes" : ""}`,
    `TIME_LIMIT_SECONDS=${Math.ceil(settings.timeLimitMs / 1000)}`,
    `run_tests() { ${settings.testCommand.map(quote).join(" ")}; }`,
    "",
  ].join("\n");
}

/** A word as the shell will read it, whatever is in it. */
function quote(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}
