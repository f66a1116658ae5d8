/** Telling the user something. */
import { writeSync } from "node:fs";

const STDERR = 2;

/**
 * Writes to stderr. When nobody can read it any more (a closed pipe, a full disk), the text is lost and nothing else:
 * what is told must never change what is done.
 */
export function tell(text: string): void {
  try {
    writeSync(STDERR, text);
  } catch {
    // there is no one left to tell
  }
}
