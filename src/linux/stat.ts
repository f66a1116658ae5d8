/** Looking at a path that a user has typed. */
import { type Stats, statSync } from "node:fs";

/** What is at the path, or undefined when it leads nowhere: too long, through a file, in a circle, or to nothing. */
export function statIfThere(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
}
