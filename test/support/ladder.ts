/** The ladder: everything that makes a container, in the order in which the walls go up. */
import { PHASES, RUN } from "./launch.ts";

const SCRIPTS = {
  "phase 1": PHASES.spawn,
  "phase 2": PHASES.isolation,
  "phase 3": PHASES.jail,
  "phase 4": PHASES.fence,
  "crab-can run": RUN,
} as const;

export type Rung = keyof typeof SCRIPTS;

export const RUNGS = Object.keys(SCRIPTS) as readonly Rung[];

/** This rung and all above it: where a wall that it puts up has to stand. */
export function rungsFrom(first: Rung): readonly Rung[] {
  return RUNGS.slice(RUNGS.indexOf(first));
}

/** The words that start this rung's program, up to where the command follows. */
export function on(rung: Rung, rootfs: string, ...options: readonly string[]): string[] {
  const hasImage = rung !== "phase 1" && rung !== "phase 2";
  return [...SCRIPTS[rung], ...options, ...(hasImage ? [rootfs] : [])];
}
