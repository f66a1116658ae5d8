/** Directories and files of the host that the user lets the container have. */
import { CanError, type CanErrorOptions } from "../can-error.ts";
import { SyscallError } from "../libc/call.ts";
import { MOUNT_ATTR, O } from "../libc/constants.ts";
import { close, open } from "../libc/file.ts";
import { type InRoot, isDirectory } from "../linux/in-root.ts";
import { bind } from "../linux/mounts.ts";
import type { Volume } from "./config.ts";

export interface OpenVolumes extends Disposable {
  readonly list: readonly (Volume & { readonly fd: number })[];
}

/**
 * Opens every source before anything is mounted over it.
 * @throws {SyscallError} open(2)
 */
export function openVolumes(volumes: readonly Volume[]): OpenVolumes {
  const list = volumes.map((volume) => ({ ...volume, fd: open({ path: volume.source, flags: O.O_PATH }) }));
  return {
    list,
    [Symbol.dispose]: () => {
      for (const { fd } of list) close(fd);
    },
  };
}

/**
 * Binds the volumes to their places in the rootfs. Devices on them cannot be opened.
 * @throws {SyscallError} mount(2), mount_setattr(2)
 */
export function mountVolumes(root: InRoot, { list }: OpenVolumes): void {
  for (const { fd, target, kind, readOnly } of list) {
    prepare(root, target, kind);
    bind({
      source: `/proc/self/fd/${fd}`,
      locate: () => root.follow(target),
      set: MOUNT_ATTR.MOUNT_ATTR_NODEV | (readOnly ? MOUNT_ATTR.MOUNT_ATTR_RDONLY : 0),
      recursive: true,
    });
  }
}

function prepare(root: InRoot, target: string, kind: Volume["kind"]): void {
  try {
    const located = root.volumePoint(target, kind);
    // A link of the image may lead there: the volume would become the root directory, without /proc and /dev.
    if (root.isRoot(located))
      throw cannotPut(target, { notes: ["that is the root directory of the container"] });
    const place = isDirectory(located) ? "directory" : "file";
    if (place !== kind)
      throw cannotPut(target, { notes: [`the source is a ${kind}, and that is a ${place}`] });
  } catch (error) {
    throw error instanceof SyscallError ? cannotPut(target, { call: error.message }) : error;
  }
}

function cannotPut(target: string, reason: Pick<CanErrorOptions, "call" | "notes">): CanError {
  return new CanError({
    code: "CAN-043",
    headline: `cannot put a volume at /${target}`,
    ...reason,
    help: ["choose a place that is a directory of the image, or that can be made in it, such as /mnt"],
  });
}
