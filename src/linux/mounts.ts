/** The mounts a container needs. Each function is one promise about what the container will see. */
import { lstatSync } from "node:fs";
import { CanError } from "../can-error.ts";
import { MNT, MS } from "../libc/constants.ts";
import { chdir, mkdir } from "../libc/file.ts";
import { mount, mountSetattr, pivotRoot as pivotRootCall, umount2 } from "../libc/namespace.ts";

/**
 * Cuts every mount of this namespace off from its copies elsewhere: what we mount from here on does not reach
 * the host, whose mounts are shared on most machines. mount_namespaces(7)
 * @throws {SyscallError} mount(2)
 */
export function makeMountsPrivate(): void {
  mount({ target: "/", flags: MS.MS_REC | MS.MS_PRIVATE });
}

/**
 * Makes a directory a mount point by binding it onto itself: pivot_root(2) takes nothing else.
 * @throws {SyscallError} mount(2)
 */
export function bindOntoItself(rootfs: string): void {
  mount({ source: rootfs, target: rootfs, flags: MS.MS_BIND | MS.MS_REC });
}

/**
 * Mounts a `/proc` that shows the PID namespace of the caller. proc(5)
 * @throws {SyscallError} mount(2)
 */
export function mountProc(target: string): void {
  mount({ source: "proc", target, type: "proc", flags: MS.MS_NOSUID | MS.MS_NODEV | MS.MS_NOEXEC });
}

/**
 * Mounts a read-only `/sys` that shows the network namespace of the caller. sysfs(5)
 * @throws {SyscallError} mount(2)
 */
export function mountSys(target: string): void {
  const flags = MS.MS_RDONLY | MS.MS_NOSUID | MS.MS_NODEV | MS.MS_NOEXEC;
  mount({ source: "sysfs", target, type: "sysfs", flags });
}

/**
 * Mounts an empty file system in memory. tmpfs(5)
 * @param options the file system's own, e.g. "mode=755,size=64k"
 * @param flags more MS_* bits; nosuid and nodev always hold
 * @throws {SyscallError} mount(2)
 */
export function mountTmpfs({
  target,
  options,
  flags = 0,
}: {
  target: string;
  options: string;
  flags?: number;
}): void {
  mount({ source: "tmpfs", target, type: "tmpfs", flags: MS.MS_NOSUID | MS.MS_NODEV | flags, data: options });
}

/**
 * Shows `source` at another place too. A bind copies the attributes of the mount it comes from, so what is to
 * be stricter here is a second step.
 * @param locate finds the place; asked twice, because afterwards the place is the new mount
 * @param set MOUNT_ATTR_* bits to switch on
 * @param recursive with the mounts below the source
 * @throws {SyscallError} mount(2), mount_setattr(2)
 */
export function bind(options: {
  source: string;
  locate: () => string;
  set: number;
  recursive?: boolean;
}): void {
  const { source, locate, set, recursive = false } = options;
  mount({ source, target: locate(), flags: recursive ? MS.MS_BIND | MS.MS_REC : MS.MS_BIND });
  mountSetattr({ path: locate(), set, recursive });
}

/**
 * Makes the mount at `rootfs` the root directory, and the old root unreachable.
 *
 * pivot_root(".", ".") puts the old root on top of the new one at the same place; unmounting "." takes that
 * top layer away. No directory for the old root is needed, and none stays behind. pivot_root(2), NOTES
 * @throws {SyscallError} pivot_root(2), umount2(2)
 */
export function pivotRoot(rootfs: string): void {
  chdir(rootfs);
  pivotRootCall({ newRoot: ".", putOld: "." });
  umount2(".", MNT.MNT_DETACH);
  chdir("/");
}

/**
 * Makes sure that a mount point is there: makes the directory when it is missing, and refuses anything else
 * that stands in its place. A symbolic link would lead the mount to wherever it points.
 * @throws {CanError} CAN-013
 */
export function ensureMountPoint(path: string): string {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) mkdir({ path });
  else if (!found.isDirectory())
    throw notADirectory(path, found.isSymbolicLink() ? "a symbolic link" : "a file");
  return path;
}

/** What to say when an image has something else where a directory for a mount should be. */
export function notADirectory(path: string, what: string): CanError {
  return new CanError({
    code: "CAN-013",
    headline: `${path} must be a directory of the image, and is ${what}`,
    notes: ["a mount on a symbolic link lands wherever the link points, so Crab-Can refuses it"],
    help: [`replace it in the image by an empty directory: rm ${path} && mkdir ${path}`],
    more: ["path_resolution(7)"],
  });
}
