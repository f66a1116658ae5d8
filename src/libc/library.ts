/** Opens libc. The raw bindings stay inside this folder; everybody else calls the typed functions. */
import { dlopen, FFIType, type Library, ptr } from "bun:ffi";
import { encodeBytes } from "./bytes.ts";

const { i16, i32, u64, ptr: pointer, cstring } = FFIType;

const BINDINGS = {
  __errno_location: { args: [], returns: pointer },
  strerror: { args: [i32], returns: cstring },
  // A libc function for each call that has one; the rest goes through syscall(2) by number.
  chdir: { args: [pointer], returns: i32 },
  chmod: { args: [pointer, i32], returns: i32 },
  close: { args: [i32], returns: i32 },
  dup2: { args: [i32, i32], returns: i32 },
  execve: { args: [pointer, pointer, pointer], returns: i32 },
  fchdir: { args: [i32], returns: i32 },
  flock: { args: [i32, i32], returns: i32 },
  getpgrp: { args: [], returns: i32 },
  isatty: { args: [i32], returns: i32 },
  ioctl: { args: [i32, u64, u64], returns: i32 },
  kill: { args: [i32, i32], returns: i32 },
  mkdir: { args: [pointer, i32], returns: i32 },
  mount: { args: [pointer, pointer, pointer, u64, pointer], returns: i32 },
  open: { args: [pointer, i32, i32], returns: i32 },
  pipe2: { args: [pointer, i32], returns: i32 },
  poll: { args: [pointer, u64, i32], returns: i32 },
  posix_spawn: { args: [pointer, pointer, pointer, pointer, pointer, pointer], returns: i32 },
  posix_spawn_file_actions_adddup2: { args: [pointer, i32, i32], returns: i32 },
  posix_spawn_file_actions_addopen: { args: [pointer, i32, pointer, i32, i32], returns: i32 },
  posix_spawn_file_actions_init: { args: [pointer], returns: i32 },
  posix_spawnattr_init: { args: [pointer], returns: i32 },
  posix_spawnattr_setflags: { args: [pointer, i16], returns: i32 },
  posix_spawnattr_setsigdefault: { args: [pointer, pointer], returns: i32 },
  prctl: { args: [i32, u64, u64, u64, u64], returns: i32 },
  read: { args: [i32, pointer, u64], returns: i32 },
  rmdir: { args: [pointer], returns: i32 },
  sethostname: { args: [pointer, u64], returns: i32 },
  setns: { args: [i32, i32], returns: i32 },
  socket: { args: [i32, i32, i32], returns: i32 },
  symlink: { args: [pointer, pointer], returns: i32 },
  syscall: { args: [u64, u64, u64, u64, u64, u64, u64], returns: i32 },
  tcgetpgrp: { args: [i32], returns: i32 },
  umask: { args: [i32], returns: i32 },
  umount2: { args: [pointer, i32], returns: i32 },
  unshare: { args: [i32], returns: i32 },
  waitpid: { args: [i32, pointer, i32], returns: i32 },
  write: { args: [i32, pointer, u64], returns: i32 },
} as const;

type Bindings = typeof BINDINGS;
type Libc = Library<Bindings>["symbols"];

// glibc first; musl's libc has another name on each architecture.
const NAMES = ["libc.so.6", `libc.musl-${process.arch === "arm64" ? "aarch64" : "x86_64"}.so.1`];

/**
 * libc's functions. Each is bound when it is first used: binding all of them at the start would cost more than
 * starting Bun does.
 */
export const libc = bindWhenUsed();

function bindWhenUsed(): Libc {
  const target = {};
  for (const name of Object.keys(BINDINGS) as (keyof Bindings)[]) {
    const get = () => {
      const value = bindFunction(name);
      Object.defineProperty(target, name, { value });
      return value;
    };
    Object.defineProperty(target, name, { get, configurable: true });
  }
  return target as Libc;
}

function bindFunction(name: keyof Bindings): unknown {
  let lastError: unknown;
  for (const library of NAMES) {
    try {
      return dlopen(library, { [name]: BINDINGS[name] }).symbols[name];
    } catch (error) {
      lastError = error;
    }
  }
  throw new Error(`cannot bind ${name} of libc (tried ${NAMES.join(", ")}): ${String(lastError)}`);
}

/**
 * A NUL-terminated copy of `text` for C. Whoever calls keeps the buffer referenced until the call is over.
 * @throws {TypeError} when the text holds a NUL byte: C would silently see a shorter string
 */
export function cString(text: string): Buffer {
  if (text.includes("\0"))
    throw new TypeError(`a string for the kernel cannot hold a NUL byte: ${JSON.stringify(text)}`);
  return encodeBytes(`${text}\0`);
}

/** A NULL-terminated array of C strings (argv, envp), with the buffers it points into. */
export interface CStringArray {
  readonly pointers: BigUint64Array;
  readonly strings: readonly Buffer[];
}

/** Builds argv or envp. The result must stay referenced until the call is over. */
export function cStringArray(texts: readonly string[]): CStringArray {
  const strings = texts.map(cString);
  const pointers = new BigUint64Array(texts.length + 1);
  strings.forEach((string, index) => {
    pointers[index] = BigInt(ptr(string));
  });
  return { pointers, strings };
}
