/**
 * Phase 4: the fence.
 *
 * Namespaces hide, they do not limit. A cgroup counts: who takes more memory is killed, who takes more processor
 * time is held back, who takes more processes gets none. The process joins right before it becomes the command.
 *
 * Root in here still has all of root's powers, and could undo the fence. src/container takes them away.
 */
import { join } from "node:path";
import { type Job, lesson } from "../src/lesson.ts";
import { CLONE } from "../src/libc/constants.ts";
import { sethostname, unshare } from "../src/libc/namespace.ts";
import { createCgroup, joinCgroup, openFence, removeAbandonedCgroups } from "../src/linux/cgroup/cgroup.ts";
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
import { reportLimits } from "../src/narrator/limits.ts";

lesson({
  name: "4-fence.ts",
  options: ["hostname", "memory", "cpus", "pids"],
  operands: "image command",
  outside,
  inside,
});

async function outside(job: Job): Promise<WaitStatus> {
  using init = new InitProcess();
  removeAbandonedCgroups(); // of runs that were killed before they could
  using cgroup = createCgroup(job);
  init.spawnInNewPidNamespace(); // unshare, spawn, setns back: the child is PID 1, we stay where we are
  init.release({ ...job, fence: cgroup.procsPaths });
  const status = await init.ended();
  reportLimits(status, cgroup.usage(), job.limits);
  return status;
}

function inside({ hostname, rootfs, command, fence }: Job): never {
  unshare(CLONE.CLONE_NEWNS | CLONE.CLONE_NEWUTS | CLONE.CLONE_NEWIPC | CLONE.CLONE_NEWNET);
  sethostname(hostname);
  bringLoopbackUp();
  makeMountsPrivate(); // what we mount must not reach the host
  bindOntoItself(rootfs); // pivot_root wants a mount point
  mountProc(ensureMountPoint(join(rootfs, "proc"))); // a PID namespace shows itself only through its own /proc
  ensureMountPoint(join(rootfs, "dev"));
  mountDev((path) => join(rootfs, path));
  const cgroup = openFence(fence); // out of reach after the next line
  pivotRoot(rootfs);
  joinCgroup(cgroup); // from here on everything counts
  unshare(CLONE.CLONE_NEWCGROUP); // our own cgroup looks like the root of the hierarchy
  dropInheritance();
  return execvp(command);
}
