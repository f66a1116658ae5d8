/** The one choke point: every system call that makes a container goes through `call`. */
import { type Pointer, read } from "bun:ffi";
import { errnoName } from "./errno.ts";
import { libc } from "./library.ts";

/** A decoded argument. Objects are formatted with `toString`, and only when somebody looks. */
export type Argument = string | number | bigint | null | readonly string[] | { toString(): string };
export type Arguments = Readonly<Record<string, Argument>>;

/** One system call as it happened. `errno` is 0 unless the call failed. */
export interface SystemCall {
  readonly name: string;
  readonly args: Arguments;
  readonly result: number;
  readonly errno: number;
  readonly nanoseconds: number;
}

/** Watches every call: `enter` before the kernel is asked, `exit` after it has answered. */
export interface Observer {
  enter?(call: Pick<SystemCall, "name" | "args">): void;
  exit?(call: SystemCall): void;
}

/** A system call that failed: which, with what, and the kernel's reason. */
export class SyscallError extends Error {
  readonly syscall: string;
  readonly args: Arguments;
  readonly errno: number;
  readonly code: string;

  constructor({ name, args, errno }: Pick<SystemCall, "name" | "args" | "errno">) {
    super(`${formatCall(name, args)} = ${errnoName(errno)} (${describeErrno(errno)})`);
    this.name = "SyscallError";
    this.syscall = name;
    this.args = args;
    this.errno = errno;
    this.code = errnoName(errno);
  }
}

const observers = new Set<Observer>();
const errnoLocation = libc.__errno_location() as Pointer;

/**
 * Subscribes to every system call of this process.
 * @returns a handle whose disposal ends the subscription
 */
export function observe(observer: Observer): Disposable {
  observers.add(observer);
  return { [Symbol.dispose]: () => void observers.delete(observer) };
}

/** What `invoke` returns: -1 with errno set (most calls), or the error number itself (posix_spawn). */
export type Convention = "errno" | "result-is-errno";

/**
 * Makes one system call and tells the observers.
 *
 * `invoke` must do nothing but the call: any other JavaScript between the call and the reading of errno may
 * overwrite it, and after a success errno is stale.
 * @throws {SyscallError} when the kernel refuses
 */
export function call(
  name: string,
  args: Arguments,
  invoke: () => number,
  convention: Convention = "errno",
): number {
  if (observers.size === 0) {
    const result = invoke();
    const errno = errnoOf(result, convention);
    if (errno !== 0) throw new SyscallError({ name, args, errno });
    return result;
  }
  for (const observer of observers) observer.enter?.({ name, args });
  const startedAt = Bun.nanoseconds();
  const result = invoke();
  const errno = errnoOf(result, convention);
  const nanoseconds = Bun.nanoseconds() - startedAt;
  for (const observer of observers) observer.exit?.({ name, args, result, errno, nanoseconds });
  if (errno !== 0) throw new SyscallError({ name, args, errno });
  return result;
}

/**
 * Tells the observers of a call that had to be made without `call`, and throws if it had failed.
 * @throws {SyscallError}
 */
export function settle({ name, args, result, errno }: Omit<SystemCall, "nanoseconds">): void {
  for (const observer of observers) observer.enter?.({ name, args });
  for (const observer of observers) observer.exit?.({ name, args, result, errno, nanoseconds: 0 });
  if (errno !== 0) throw new SyscallError({ name, args, errno });
}

/** Makes the call; a failure with one of these errnos is an outcome, not an error. */
export function tolerate(errnos: readonly string[], action: () => void): string | undefined {
  try {
    action();
    return undefined;
  } catch (error) {
    if (error instanceof SyscallError && errnos.includes(error.code)) return error.code;
    throw error;
  }
}

/** The error number of the call right before; meaningless after a call that worked. */
export function lastErrno(): number {
  return read.i32(errnoLocation, 0);
}

function errnoOf(result: number, convention: Convention): number {
  if (convention === "result-is-errno") return result;
  return result === -1 ? lastErrno() : 0;
}

/** Formats a call as strace would: `mount(source="proc", target="/proc", flags=MS_NOSUID|MS_NOEXEC)`. */
export function formatCall(name: string, args: Arguments): string {
  const list = Object.entries(args).map(([key, value]) => `${key}=${formatArgument(value)}`);
  return `${name}(${list.join(", ")})`;
}

function formatArgument(value: Argument): string {
  if (value === null) return "NULL";
  if (typeof value === "string") return quoted(value);
  if (Array.isArray(value)) {
    const shown = value.slice(0, ITEMS_MAX).map(quoted);
    return `[${shown.join(", ")}${value.length > ITEMS_MAX ? ", …" : ""}]`;
  }
  return value.toString();
}

// Arguments may be megabytes; an error has to stay readable, and fit into a pipe.
const CHARACTERS_MAX = 200;
const ITEMS_MAX = 16;

function quoted(text: string): string {
  return text.length <= CHARACTERS_MAX
    ? JSON.stringify(text)
    : `${JSON.stringify(text.slice(0, CHARACTERS_MAX))}…`;
}

/** libc's own words for an error number, e.g. "No such file or directory". */
export function describeErrno(errno: number): string {
  return libc.strerror(errno)?.toString() ?? `error ${errno}`;
}
