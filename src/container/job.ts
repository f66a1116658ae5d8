/** What travels from the runtime process to the init process. */
import type { CgroupView } from "../linux/cgroup/cgroup.ts";
import type { ContainerConfig } from "./config.ts";

export interface ContainerJob {
  readonly config: ContainerConfig;
  /** The cgroup.procs files of the fence to join. */
  readonly fence: readonly string[];
  /** What the container may see of its own cgroup. */
  readonly view: CgroupView | undefined;
  /** The terminal it has, a file of the host's /dev/pts; undefined when it has none. */
  readonly terminal: string | undefined;
}
