/**
 * Phase 2: isolation.
 *
 * The child is born into namespaces: a process table in which it is PID 1, a hostname, a network, a mount table
 * of its own. It sees less of the machine. Its files are still the host's.
 *
 * PID 1 is special: signals that it has no handler for do not reach it, not even its own, and its end is the end
 * of all others.
 */
import { type Job, lesson } from "../src/lesson.ts";
import { CLONE } from "../src/libc/constants.ts";
import { sethostname, unshare } from "../src/libc/namespace.ts";
import { dropInheritance, execvp } from "../src/linux/exec.ts";
import { InitProcess } from "../src/linux/init-process.ts";
import { bringLoopbackUp } from "../src/linux/loopback.ts";
import { makeMountsPrivate, mountProc } from "../src/linux/mounts.ts";
import type { WaitStatus } from "../src/linux/wait-status.ts";

lesson({ name: "2-isolation.ts", options: ["hostname"], operands: "command", outside, inside });

async function outside(job: Job): Promise<WaitStatus> {
  using init = new InitProcess();
  init.spawnInNewPidNamespace(); // unshare, spawn, setns back: the child is PID 1, we stay where we are
  init.release(job);
  return await init.ended();
}

function inside({ hostname, command }: Job): never {
  unshare(CLONE.CLONE_NEWNS | CLONE.CLONE_NEWUTS | CLONE.CLONE_NEWIPC | CLONE.CLONE_NEWNET);
  sethostname(hostname);
  bringLoopbackUp();
  makeMountsPrivate(); // what we mount must not reach the host
  mountProc("/proc"); // a PID namespace shows itself only through its own /proc
  dropInheritance();
  return execvp(command);
}
