/**
 * A container from birth to clean-up, seen from the runtime process, which stays in the host's namespaces.
 * Parse is config.ts, configure and exec are inside.ts.
 */
import { CLONE, O } from "../libc/constants.ts";
import { closing, open } from "../libc/file.ts";
import { setns, unshare } from "../libc/namespace.ts";
import { type Cgroup, createCgroup, removeAbandonedCgroups } from "../linux/cgroup/cgroup.ts";
import type { CgroupUsage } from "../linux/cgroup/dialect.ts";
import { InitProcess } from "../linux/init-process.ts";
import type { WaitStatus } from "../linux/wait-status.ts";
import type { ContainerConfig } from "./config.ts";
import type { ContainerJob } from "./job.ts";

/** How a container ended, and what its cgroup had counted by then. */
export interface Outcome {
  readonly status: WaitStatus;
  readonly usage: CgroupUsage;
}

/**
 * Runs a container and waits for its end. Whatever was made for it is gone afterwards.
 * @throws {CanError} when the command could not be run
 */
export async function run(config: ContainerConfig): Promise<Outcome> {
  using init = new InitProcess();
  using cgroup = fence(config);
  birth(init, cgroup);
  init.release({
    config,
    fence: cgroup.procsFds,
    view: cgroup.view,
    terminal: init.terminalPath,
  } satisfies ContainerJob);
  const status = await init.ended();
  return { status, usage: cgroup.usage() };
}

/** Step 2: the cgroup, with the limits in force before anybody is in it. */
function fence({ id, limits }: ContainerConfig): Cgroup {
  removeAbandonedCgroups(); // of runs that were killed before they could
  return createCgroup({ id, limits });
}

/** Step 3: the init process, PID 1 of a new PID namespace. Later children of ours are born in our own again. */
function birth(init: InitProcess, cgroup: Cgroup): void {
  using ownPidNamespace = closing(open({ path: "/proc/self/ns/pid", flags: O.O_RDONLY }));
  unshare(CLONE.CLONE_NEWPID);
  init.spawn({ keep: cgroup.procsFds });
  setns(ownPidNamespace.fd, CLONE.CLONE_NEWPID);
}
