/**
 * Phase 4: the fence.
 *
 * Namespaces hide, they do not limit. A cgroup counts memory, processor time and processes, and stops whoever
 * takes more than the limit. The process joins right before it becomes the command.
 */
import { join } from "node:path";
import { type Job, lesson } from "../src/lesson.ts";
import { CLONE, O } from "../src/libc/constants.ts";
import { closing, open } from "../src/libc/file.ts";
import { sethostname, setns, unshare } from "../src/libc/namespace.ts";
import { createCgroup, joinCgroup, removeAbandonedCgroups } from "../src/linux/cgroup/cgroup.ts";
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
  using ownPidNamespace = closing(open({ path: "/proc/self/ns/pid", flags: O.O_RDONLY }));
  unshare(CLONE.CLONE_NEWPID); // the next child is PID 1 of a new namespace …
  init.spawn({ keep: cgroup.procsFds });
  setns(ownPidNamespace.fd, CLONE.CLONE_NEWPID); // … and only that child
  init.release({ ...job, fence: cgroup.procsFds });
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
  pivotRoot(rootfs);
  joinCgroup(fence); // from here on everything counts
  unshare(CLONE.CLONE_NEWCGROUP); // our own cgroup looks like the root of the hierarchy
  dropInheritance();
  return execvp(command);
}
