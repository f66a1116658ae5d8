/** The ladder: everything that makes a container, in the order in which the walls go up. */
import { CONTROLLERS, detectCgroups } from "../../src/linux/cgroup/detect.ts";
import { PHASES, RUN } from "./launch.ts";
import { needing } from "./privileged.ts";

const SCRIPTS = {
  "phase 1": PHASES.spawn,
  "phase 2": PHASES.isolation,
  "phase 3": PHASES.jail,
  "phase 4": PHASES.fence,
  "crab-can run": RUN,
} as const;

export type Rung = keyof typeof SCRIPTS;

/** Phase 4 always sets its limits: where a controller is missing there is no such rung, and a skipped test says so. */
export const RUNGS = (Object.keys(SCRIPTS) as readonly Rung[]).filter(
  (rung) => rung !== "phase 4" || CONTROLLERS.every((name) => detectCgroups().controllers.has(name)),
);
if (!RUNGS.includes("phase 4")) needing(...CONTROLLERS)("phase 4", () => {});

/** This rung and all above it: where a wall that it puts up has to stand. */
export function rungsFrom(first: Rung): readonly Rung[] {
  return RUNGS.slice(RUNGS.indexOf(first));
}

/** The words that start this rung's program, up to where the command follows. */
export function on(rung: Rung, rootfs: string, ...options: readonly string[]): string[] {
  const hasImage = rung !== "phase 1" && rung !== "phase 2";
  return [...SCRIPTS[rung], ...options, ...(hasImage ? [rootfs] : [])];
}
