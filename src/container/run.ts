/**
 * A container from birth to clean-up, seen from the runtime process, which stays in the host's namespaces.
 * Parse is config.ts, configure and exec are inside.ts.
 */
import { lstatSync } from "node:fs";
import { join } from "node:path";
import { tolerate } from "../libc/call.ts";
import { rmdir } from "../libc/file.ts";
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
  const missing = missingMountPoints(config);
  init.spawnInNewPidNamespace(); // step 3, birth
  init.release({
    config,
    fence: cgroup.procsPaths,
    view: cgroup.view,
    terminal: init.terminalPath,
  } satisfies ContainerJob);
  try {
    const status = await init.ended();
    return { status, usage: cgroup.usage() };
  } catch (error) {
    // The command never ran: then a directory that was no image (a mistyped path) shall not look like one now.
    for (const path of missing)
      tolerate(["ENOENT", "ENOTEMPTY", "ENOTDIR", "EBUSY", "EROFS"], () => rmdir(path));
    throw error;
  }
}

/** The mount points that the init process will have to make in the image. */
function missingMountPoints({ image }: ContainerConfig): string[] {
  if (image.kind === "host") return [];
  return ["dev", "proc", "sys"]
    .map((name) => join(image.rootfs, name))
    .filter((path) => lstatSync(path, { throwIfNoEntry: false }) === undefined);
}

/** Step 2: the cgroup, with the limits in force before anybody is in it. */
function fence({ id, limits }: ContainerConfig): Cgroup {
  removeAbandonedCgroups(); // of runs that were killed before they could
  return createCgroup({ id, limits });
}
