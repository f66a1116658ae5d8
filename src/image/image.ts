/** From what the user names to a rootfs. */
import { directoryImage } from "./directory.ts";

export type Image = { readonly kind: "directory"; readonly rootfs: string } | { readonly kind: "host" };

/**
 * Finds the image a user has named: `host` is built in, everything else is the path of a directory.
 * @throws {CanError} CAN-010, CAN-011
 */
export function resolveImage(name: string): Image {
  return name === "host" ? { kind: "host" } : { kind: "directory", rootfs: directoryImage(name) };
}
