/** Files and descriptors. */
import { ptr } from "bun:ffi";
import { ARCH, SYS } from "./arch.ts";
import { call } from "./call.ts";
import { CLOSE_RANGE_CLOEXEC, LOCK, O, RESOLVE } from "./constants.ts";
import { bare, flags as decoded, decodeFlags } from "./flags.ts";
import { cString, libc } from "./library.ts";

const OPEN_FLAGS = { ...O, O_DIRECTORY: ARCH.O_DIRECTORY, O_NOFOLLOW: ARCH.O_NOFOLLOW };

/**
 * Opens a file. The descriptor is always close-on-exec: nothing we open reaches the container by accident.
 * @param flags O_* bits; O_CLOEXEC is added
 * @param mode permission bits of a file that O_CREAT makes
 * @returns the descriptor
 * @throws {SyscallError} open(2)
 */
export function open({ path, flags, mode = 0 }: { path: string; flags: number; mode?: number }): number {
  const bits = flags | O.O_CLOEXEC;
  const cPath = cString(path);
  const args = { path, flags: openFlags(bits), ...(mode === 0 ? {} : { mode: octal(mode) }) };
  return call("open", args, () => libc.open(ptr(cPath), bits, mode));
}

/**
 * Opens `path` below `directory`, under rules about what the way there may lead through. With RESOLVE_IN_ROOT the
 * directory is taken for the root: no `..`, no symbolic link leads out of it.
 * @param directory a descriptor of the tree's root
 * @param resolve RESOLVE_* bits
 * @returns the descriptor, close-on-exec
 * @throws {SyscallError} openat2(2), Linux 5.6
 */
export function openat2(options: {
  directory: number;
  path: string;
  flags: number;
  mode?: number;
  resolve: number;
}): number {
  const { directory, path, mode = 0, resolve } = options;
  const bits = options.flags | O.O_CLOEXEC;
  const cPath = cString(path);
  // struct open_how: three 64-bit words
  const how = new BigUint64Array([BigInt(bits), BigInt(mode), BigInt(resolve)]);
  const args = { directory, path, flags: openFlags(bits), resolve: decoded(RESOLVE, resolve) };
  return call("openat2", args, () =>
    libc.syscall(SYS.openat2, directory, ptr(cPath), ptr(how), how.byteLength, 0, 0),
  );
}

/** @throws {SyscallError} close(2) */
export function close(fd: number): void {
  call("close", { fd }, () => libc.close(fd));
}

/** A descriptor that closes itself at the end of its `using` scope. */
export function closing(fd: number): Disposable & { readonly fd: number } {
  return { fd, [Symbol.dispose]: () => close(fd) };
}

/**
 * Reads once.
 * @returns the bytes; empty at the end of the file
 * @throws {SyscallError} read(2)
 */
export function read({ fd, bytesMax }: { fd: number; bytesMax: number }): Buffer {
  const buffer = Buffer.alloc(bytesMax);
  const count = call("read", { fd, count: bytesMax }, () => libc.read(fd, ptr(buffer), bytesMax));
  return buffer.subarray(0, count);
}

/**
 * Writes once.
 * @param path where the descriptor leads, for those who watch
 * @returns how many bytes the kernel took
 * @throws {SyscallError} write(2)
 */
export function write({ fd, data, path }: { fd: number; data: string | Uint8Array; path?: string }): number {
  const bytes = typeof data === "string" ? Buffer.from(data) : data;
  // bun:ffi refuses the address of an empty array, and there is nothing to write.
  if (bytes.byteLength === 0) return 0;
  const shown = typeof data === "string" ? data : `/* ${bytes.byteLength} bytes */`;
  const args = {
    fd: path === undefined ? fd : bare(`${fd}<${path}>`),
    data: typeof data === "string" ? shown : bare(shown),
  };
  return call("write", args, () => libc.write(fd, ptr(bytes), bytes.byteLength));
}

/**
 * Writes a value to an existing file of the kernel's, in one write(2) as such files want it.
 * Never O_CREAT: on a cgroup file that is missing it turns a plain ENOENT into a misleading EACCES.
 * @throws {SyscallError} open(2), write(2)
 */
export function writeValue({ path, value }: { path: string; value: string }): void {
  using file = closing(open({ path, flags: O.O_WRONLY }));
  write({ fd: file.fd, data: value, path });
}

/**
 * Makes a new file with this text.
 * @throws {SyscallError} open(2): EEXIST when it is there already
 */
export function createFile({
  path,
  text,
  mode = 0o644,
}: {
  path: string;
  text: string;
  mode?: number;
}): void {
  using file = closing(open({ path, flags: O.O_WRONLY | O.O_CREAT | O.O_EXCL, mode }));
  write({ fd: file.fd, data: text, path });
}

/** @throws {SyscallError} mkdir(2) */
export function mkdir({ path, mode = 0o755 }: { path: string; mode?: number }): void {
  const cPath = cString(path);
  call("mkdir", { path, mode: octal(mode) }, () => libc.mkdir(ptr(cPath), mode));
}

/**
 * Sets permission bits, whatever the umask.
 * @throws {SyscallError} chmod(2)
 */
export function chmod({ path, mode }: { path: string; mode: number }): void {
  const cPath = cString(path);
  call("chmod", { path, mode: octal(mode) }, () => libc.chmod(ptr(cPath), mode));
}

/** @throws {SyscallError} rmdir(2) */
export function rmdir(path: string): void {
  const cPath = cString(path);
  call("rmdir", { path }, () => libc.rmdir(ptr(cPath)));
}

/** @throws {SyscallError} symlink(2) */
export function symlink({ target, path }: { target: string; path: string }): void {
  const cTarget = cString(target);
  const cPath = cString(path);
  call("symlink", { target, path }, () => libc.symlink(ptr(cTarget), ptr(cPath)));
}

/**
 * Makes a pipe; both ends are close-on-exec.
 * @throws {SyscallError} pipe2(2)
 */
export function pipe(): { readEnd: number; writeEnd: number } {
  const ends = new Int32Array(2);
  call("pipe2", { flags: decoded(O, O.O_CLOEXEC) }, () => libc.pipe2(ptr(ends), O.O_CLOEXEC));
  return { readEnd: ends[0] as number, writeEnd: ends[1] as number };
}

/** @throws {SyscallError} dup2(2) */
export function dup2({ from, to }: { from: number; to: number }): void {
  call("dup2", { from, to }, () => libc.dup2(from, to));
}

/**
 * Takes the exclusive lock of an open file without waiting. The kernel frees it when the last descriptor is
 * closed, so a lock never outlives the process that holds it.
 * @throws {SyscallError} flock(2): EAGAIN when somebody else holds it
 */
export function lockExclusive(fd: number): void {
  const operation = LOCK.LOCK_EX | LOCK.LOCK_NB;
  call("flock", { fd, operation: decoded(LOCK, operation) }, () => libc.flock(fd, operation));
}

/**
 * Marks every descriptor from `first` up close-on-exec: the next program starts without them.
 * @throws {SyscallError} close_range(2), Linux 5.11
 */
export function closeOnExecFrom(first: number): void {
  const last = 0xffff_ffff;
  call("close_range", { first, last: bare("~0"), flags: bare("CLOSE_RANGE_CLOEXEC") }, () =>
    libc.syscall(SYS.close_range, first, last, CLOSE_RANGE_CLOEXEC, 0, 0, 0),
  );
}

/** True when nobody holds the read end of the pipe any more. poll(2) reports POLLERR without being asked. */
export function readerIsGone(writeEnd: number): boolean {
  const POLLERR = 8;
  const pollfd = Buffer.alloc(8);
  pollfd.writeInt32LE(writeEnd, 0);
  call("poll", { fd: writeEnd, timeout: 0 }, () => libc.poll(ptr(pollfd), 1, 0));
  return (pollfd.readInt16LE(6) & POLLERR) !== 0;
}

/** Sets which permission bits new files do not get. umask(2), which cannot fail */
export function umask(mask: number): void {
  call("umask", { mask: octal(mask) }, () => {
    libc.umask(mask);
    return 0; // it gives the old mask back, which nobody here wants
  });
}

/** @throws {SyscallError} chdir(2) */
export function chdir(path: string): void {
  const cPath = cString(path);
  call("chdir", { path }, () => libc.chdir(ptr(cPath)));
}

/** @throws {SyscallError} fchdir(2) */
export function fchdir(fd: number): void {
  call("fchdir", { fd }, () => libc.fchdir(fd));
}

/** O_RDONLY is the absence of bits, and still says something. */
function openFlags(bits: number): { toString(): string } {
  const readOnly = (bits & (O.O_WRONLY | O.O_RDWR | O.O_PATH)) === 0;
  return { toString: () => `${readOnly ? "O_RDONLY|" : ""}${decodeFlags(OPEN_FLAGS, bits)}` };
}

function octal(mode: number): { toString(): string } {
  return { toString: () => `0${mode.toString(8)}` };
}
