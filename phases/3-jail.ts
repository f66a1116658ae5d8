/**
 * Phase 3: the jail.
 *
 * The root directory becomes another one. pivot_root swaps the mount at the bottom of everything, and the old
 * root is unmounted: unlike after chroot, no path leads back to it.
 */
import { join } from "node:path";
import { type Job, lesson } from "../src/lesson.ts";
import { CLONE } from "../src/libc/constants.ts";
import { sethostname, unshare } from "../src/libc/namespace.ts";
import { mountDev } from "../src/linux/dev.ts";
import { dropInheritance, execvp } from "../src/linux/exec.ts";
import { InitProcess } from "../src/linux/init-process.ts";
import { bringLoopbackUp } from "../src/linux/loopback.ts";
import {
  bindOntoItself,
  ensureMountPoint,
  makeMountsPrivate,
  mountProc,
  pivotRoot,
} from "../src/linux/mounts.ts";
import type { WaitStatus } from "../src/linux/wait-status.ts";

lesson({ name: "3-jail.ts", options: ["hostname"], operands: "image command", outside, inside });

async function outside(job: Job): Promise<WaitStatus> {
  using init = new InitProcess();
  init.spawnInNewPidNamespace(); // unshare, spawn, setns back: the child is PID 1, we stay where we are
  init.release(job);
  return await init.ended();
}

function inside({ hostname, rootfs, command }: Job): never {
  unshare(CLONE.CLONE_NEWNS | CLONE.CLONE_NEWUTS | CLONE.CLONE_NEWIPC | CLONE.CLONE_NEWNET);
  sethostname(hostname);
  bringLoopbackUp();
  makeMountsPrivate(); // what we mount must not reach the host
  bindOntoItself(rootfs); // pivot_root wants a mount point
  mountProc(ensureMountPoint(join(rootfs, "proc"))); // a PID namespace shows itself only through its own /proc
  ensureMountPoint(join(rootfs, "dev"));
  mountDev((path) => join(rootfs, path));
  pivotRoot(rootfs);
  dropInheritance();
  return execvp(command);
}
