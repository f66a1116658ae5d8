/** Standard input, output and error: what the caller had, except where that would be a way to the host. */
import { fstatSync } from "node:fs";
import { CanError } from "../can-error.ts";
import { O } from "../libc/constants.ts";
import { close, dup2, open } from "../libc/file.ts";

/** The device number of /dev/null, 1:3. null(4) */
const NULL_DEVICE = 0x103;

/**
 * Replaces the host's /dev/null by the container's own, which cannot be changed, and gives it in place of a stream
 * that is closed. To be called when the container's /dev is in place.
 * @throws {CanError} CAN-044 for a directory: `..` leads from it to all of the host's files
 */
export function settleStreams(): void {
  for (const stream of [0, 1, 2]) {
    const found = statOfStream(stream);
    if (found?.isDirectory()) throw noDirectory(stream);
    if (found !== undefined && !(found.isCharacterDevice() && found.rdev === NULL_DEVICE)) continue;
    const own = open({ path: "/dev/null", flags: O.O_RDWR });
    if (own === stream) continue;
    dup2({ from: own, to: stream });
    close(own);
  }
}

function statOfStream(stream: number) {
  try {
    return fstatSync(stream);
  } catch {
    return undefined; // closed
  }
}

function noDirectory(stream: number): CanError {
  return new CanError({
    code: "CAN-044",
    headline: `descriptor ${stream} is a directory of the host`,
    notes: ["a process that has a directory open can climb out of it by .."],
    help: ["redirect the stream from or to a file, or to /dev/null"],
  });
}
