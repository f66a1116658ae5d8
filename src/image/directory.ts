/** An image that is a directory: the rootfs itself. */
import { realpathSync } from "node:fs";
import { CanError } from "../can-error.ts";
import { statIfThere } from "../linux/stat.ts";

/**
 * Finds the directory a user has named.
 * @returns its absolute path without symbolic links
 * @throws {CanError} CAN-010 when there is nothing, CAN-011 when it is no directory or the host's own root
 */
export function directoryImage(name: string): string {
  const found = statIfThere(name);
  if (found === undefined) {
    throw new CanError({
      code: "CAN-010",
      headline: `no image ${JSON.stringify(name)}`,
      notes: [
        "an image is a directory that holds a root file system; `host` is built in, for crab-can run alone",
      ],
      help: ["make one from this machine's own programs: crab-can image make ./rootfs"],
    });
  }
  if (!found.isDirectory()) {
    throw new CanError({
      code: "CAN-011",
      headline: `${JSON.stringify(name)} is a file, and an image is a directory`,
      help: ["unpack it first: mkdir rootfs && tar -xf FILE -C rootfs"],
    });
  }
  const path = realpathSync(name);
  if (path !== "/") return path;
  throw new CanError({
    code: "CAN-011",
    headline: "the host's own root directory cannot be an image: there would be no wall",
    help: ["use the built-in image, which shows the host's programs read-only: host"],
  });
}
