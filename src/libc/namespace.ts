/** Namespaces and what lives in them: mounts, the hostname. */
import { ptr } from "bun:ffi";
import { SYS } from "./arch.ts";
import { call } from "./call.ts";
import { AT, CLONE, MNT, MOUNT_ATTR, MS } from "./constants.ts";
import { constant, flags as decoded } from "./flags.ts";
import { cString, libc } from "./library.ts";

/**
 * Moves the calling thread into new namespaces. CLONE_NEWPID is the exception: it moves the *next child*.
 *
 * Bun has more threads than this one; only the calling thread moves.
 * @param namespaces CLONE_NEW* bits
 * @throws {SyscallError} unshare(2): EPERM without CAP_SYS_ADMIN
 */
export function unshare(namespaces: number): void {
  call("unshare", { flags: decoded(CLONE, namespaces) }, () => libc.unshare(namespaces));
}

/**
 * Moves the calling thread (for CLONE_NEWPID: its next child) into an existing namespace.
 * @param fd an open /proc/PID/ns file
 * @param type the CLONE_NEW* bit the file must be of
 * @throws {SyscallError} setns(2)
 */
export function setns(fd: number, type: number): void {
  call("setns", { fd, nstype: constant(CLONE, type) }, () => libc.setns(fd, type));
}

/** @throws {SyscallError} sethostname(2): EINVAL above 64 bytes */
export function sethostname(name: string): void {
  const bytes = Buffer.byteLength(name);
  const cName = cString(name);
  call("sethostname", { name }, () => libc.sethostname(ptr(cName), bytes));
}

export interface MountOptions {
  /** What to mount: a device, a directory to bind, or a word for show ("proc"). */
  readonly source?: string;
  readonly target: string;
  readonly type?: string;
  /** MS_* bits */
  readonly flags?: number;
  /** Options of the file system itself, e.g. "size=64k". */
  readonly data?: string;
}

/** @throws {SyscallError} mount(2) */
export function mount({ source, target, type, flags = 0, data }: MountOptions): void {
  const [cSource, cTarget, cType, cData] = [source, target, type, data].map((text) =>
    text === undefined ? undefined : cString(text),
  );
  const args = {
    source: source ?? null,
    target,
    type: type ?? null,
    flags: decoded(MS, flags),
    ...(data === undefined ? {} : { data }),
  };
  call("mount", args, () =>
    libc.mount(address(cSource), address(cTarget), address(cType), flags, address(cData)),
  );
}

/**
 * @param flags MNT_DETACH takes the mount out of sight now and frees it when its last user is gone
 * @throws {SyscallError} umount2(2): EBUSY, EINVAL when it is no mount point
 */
export function umount2(target: string, flags = 0): void {
  const cTarget = cString(target);
  call("umount2", { target, flags: decoded(MNT, flags) }, () => libc.umount2(ptr(cTarget), flags));
}

/**
 * Makes the mount at new_root the root of this mount namespace and moves the old root to put_old. Both may be
 * ".": then the old root lies on top of the new one, at the same place, ready to be unmounted.
 *
 * Its errno misleads: EINVAL and EBUSY stand for several reasons each. diagnostics/ tells them apart.
 * @throws {SyscallError} pivot_root(2)
 */
export function pivotRoot({ newRoot, putOld }: { newRoot: string; putOld: string }): void {
  const cNewRoot = cString(newRoot);
  const cPutOld = cString(putOld);
  call("pivot_root", { new_root: newRoot, put_old: putOld }, () =>
    libc.syscall(SYS.pivot_root, ptr(cNewRoot), ptr(cPutOld), 0, 0, 0, 0),
  );
}

/**
 * Changes the attributes of an existing mount, with `recursive` those of every mount below it too.
 * @param set MOUNT_ATTR_* bits to switch on
 * @throws {SyscallError} mount_setattr(2), Linux 5.12
 */
export function mountSetattr(options: { path: string; set: number; recursive?: boolean }): void {
  const { path, set, recursive = false } = options;
  const cPath = cString(path);
  // struct mount_attr: attr_set, attr_clr, propagation, userns_fd
  const attributes = new BigUint64Array([BigInt(set), 0n, 0n, 0n]);
  const atFlags = recursive ? AT.AT_RECURSIVE : 0;
  const args = { path, flags: decoded(AT, atFlags), attr_set: decoded(MOUNT_ATTR, set) };
  call("mount_setattr", args, () =>
    libc.syscall(
      SYS.mount_setattr,
      AT.AT_FDCWD,
      ptr(cPath),
      atFlags,
      ptr(attributes),
      attributes.byteLength,
      0,
    ),
  );
}

function address(buffer: Buffer | undefined) {
  return buffer === undefined ? null : ptr(buffer);
}
