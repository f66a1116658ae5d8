/** Which cgroup controllers this machine has, and where: read from what is mounted, never assumed. cgroups(7) */
import { readFileSync } from "node:fs";
import { type Mount, readMounts } from "../mountinfo.ts";

export const CONTROLLERS = ["memory", "cpu", "pids"] as const;
export type Controller = (typeof CONTROLLERS)[number];

/** Where a controller is: version 1 has a hierarchy for each, or for a few together, version 2 has one for all. */
export interface ControllerPlace {
  readonly version: 1 | 2;
  readonly mountPoint: string;
}

export interface CgroupLayout {
  /** "hybrid": version 1 hierarchies with a version 2 beside them; "none": nothing is mounted. */
  readonly kind: "v1" | "v2" | "hybrid" | "none";
  readonly controllers: ReadonlyMap<Controller, ControllerPlace>;
}

/** Looks at the mounts of this process. */
export function detectCgroups(): CgroupLayout {
  return layoutOf(readMounts(), (path) => {
    try {
      return readFileSync(path, "utf8");
    } catch {
      return "";
    }
  });
}

/**
 * The pure part: from mounts to the layout.
 * @param readFile gives the text of a file, "" when there is none
 */
export function layoutOf(mounts: readonly Mount[], readFile: (path: string) => string): CgroupLayout {
  const controllers = new Map<Controller, ControllerPlace>();
  const v1 = mounts.filter((mount) => mount.type === "cgroup");
  const v2 = mounts.filter((mount) => mount.type === "cgroup2");
  for (const controller of CONTROLLERS) {
    const hierarchy = v1.find((mount) => mount.superOptions.includes(controller));
    if (hierarchy !== undefined) {
      controllers.set(controller, { version: 1, mountPoint: hierarchy.mountPoint });
      continue;
    }
    // A controller is in one place only: what a version 1 hierarchy holds, version 2 does not list.
    const unified = v2.find((mount) =>
      readFile(`${mount.mountPoint}/cgroup.controllers`).split(/\s+/).includes(controller),
    );
    if (unified !== undefined) controllers.set(controller, { version: 2, mountPoint: unified.mountPoint });
  }
  return { kind: kindOf(v1.length > 0, v2.length > 0), controllers };
}

function kindOf(hasV1: boolean, hasV2: boolean): CgroupLayout["kind"] {
  if (hasV1) return hasV2 ? "hybrid" : "v1";
  return hasV2 ? "v2" : "none";
}
