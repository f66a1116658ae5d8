/** Processes: birth, replacement, death, and what a process may inherit. */
import { ptr } from "bun:ffi";
import { SYS } from "./arch.ts";
import { call, lastErrno, settle } from "./call.ts";
import { CLONE, O, PR, RLIMIT_NOFILE, SIGNAL_MAX, SIGNALS, type SignalName, WAIT } from "./constants.ts";
import { bare, constant, flags as decoded, hex } from "./flags.ts";
import { cString, cStringArray, libc } from "./library.ts";

export interface SpawnOptions {
  /** The program's file; no PATH search. */
  readonly path: string;
  /** All arguments, argv[0] included. */
  readonly argv: readonly string[];
  /** `KEY=VALUE` entries: the whole environment, nothing is added. */
  readonly env: readonly string[];
  /** Descriptors of ours, besides 0, 1 and 2, that the new process keeps under the same number. */
  readonly keep?: readonly number[];
  readonly terminal?: SpawnTerminal | undefined;
}

/** A terminal that the new process opens for itself: as the leader of a session it then controls it. */
export interface SpawnTerminal {
  readonly slavePath: string;
  /** Which of its standard streams are the terminal; the others are ours. */
  readonly streams: readonly number[];
}

// posix_spawn(3), spawn.h. The structures are opaque: 336 and 80 bytes in glibc and musl; there is room.
const POSIX_SPAWN = {
  POSIX_SPAWN_SETSIGDEF: 0x04,
  POSIX_SPAWN_SETSIGMASK: 0x08,
  POSIX_SPAWN_SETSID: 0x80,
} as const;
const OPAQUE_BYTES = 512;

/**
 * Starts a new process that runs another program. libc does fork and exec in one call here, because in a
 * process with threads (Bun has many) no JavaScript could run between the two.
 *
 * The child leads a session of its own and starts with default signal dispositions and an empty signal mask.
 * @returns the child's PID
 * @throws {SyscallError} posix_spawn(3): ENOENT, EACCES, E2BIG, ENOEXEC …
 */
export function spawn(options: SpawnOptions): number {
  const { args, invoke, pid } = prepareSpawn(options);
  call("posix_spawn", args, invoke, "result-is-errno");
  return pid[0] as number;
}

/**
 * The same, and the child is PID 1 of a new PID namespace, while we stay in ours: unshare(2), posix_spawn(3) and
 * setns(2) back.
 *
 * Between the first and the last of them the kernel refuses this process every new thread, and Bun aborts when it
 * cannot have one. It starts threads to compile functions that have run often, and to collect garbage. So nothing
 * runs in between but these three calls, straight down: no other function, no allocation. Observers hear of the
 * calls afterwards.
 * @param ownPidNamespace a descriptor of our /proc/self/ns/pid
 * @throws {SyscallError} unshare(2): EPERM; posix_spawn(3)
 */
export function spawnInNewPidNamespace(options: SpawnOptions, ownPidNamespace: number): number {
  const { args, invoke, pid } = prepareSpawn(options);
  const { CLONE_NEWPID } = CLONE;
  const { unshare, setns } = libc;
  let spawned = 0;
  let returned = 0;
  const unshared = unshare(CLONE_NEWPID);
  const unshareErrno = unshared === -1 ? lastErrno() : 0;
  if (unshared === 0) {
    spawned = invoke();
    returned = setns(ownPidNamespace, CLONE_NEWPID);
  }
  const setnsErrno = returned === -1 ? lastErrno() : 0;
  settle({ name: "unshare", args: { flags: bare("CLONE_NEWPID") }, result: unshared, errno: unshareErrno });
  settle({ name: "posix_spawn", args, result: spawned, errno: spawned });
  settle({
    name: "setns",
    args: { fd: ownPidNamespace, nstype: bare("CLONE_NEWPID") },
    result: returned,
    errno: setnsErrno,
  });
  return pid[0] as number;
}

/** All that allocates memory for a spawn is done here; `invoke` does nothing but call. */
function prepareSpawn({ path, argv, env, keep = [], terminal }: SpawnOptions) {
  const pid = new Int32Array(1);
  const cPath = cString(path);
  const cArgv = cStringArray(argv);
  const cEnv = cStringArray(env);
  const cTerminal = cString(terminal?.slavePath ?? "");
  const attributes = spawnAttributes();
  const actions = Buffer.alloc(OPAQUE_BYTES);
  libc.posix_spawn_file_actions_init(ptr(actions));
  // Duplicating a descriptor onto itself clears its close-on-exec mark in the child, and only there.
  for (const fd of keep) libc.posix_spawn_file_actions_adddup2(ptr(actions), fd, fd);
  for (const fd of terminal?.streams ?? []) {
    libc.posix_spawn_file_actions_addopen(ptr(actions), fd, ptr(cTerminal), O.O_RDWR, 0);
  }
  const [pidAt, pathAt, argvAt, envAt] = [ptr(pid), ptr(cPath), ptr(cArgv.pointers), ptr(cEnv.pointers)];
  const { posix_spawn } = libc;
  const [actionsAt, attributesAt] = [ptr(actions), ptr(attributes)];
  return {
    pid,
    args: { path, argv, env: countOf(env) },
    // The addresses are valid as long as what they lead to: `buffers` keeps it.
    buffers: [cPath, cArgv, cEnv, cTerminal, attributes, actions],
    invoke: () => posix_spawn(pidAt, pathAt, actionsAt, attributesAt, argvAt, envAt),
  };
}

function spawnAttributes(): Buffer {
  const attributes = Buffer.alloc(OPAQUE_BYTES);
  const everySignal = Buffer.alloc(128, 0xff);
  const { POSIX_SPAWN_SETSIGDEF, POSIX_SPAWN_SETSIGMASK, POSIX_SPAWN_SETSID } = POSIX_SPAWN;
  libc.posix_spawnattr_init(ptr(attributes));
  libc.posix_spawnattr_setsigdefault(ptr(attributes), ptr(everySignal));
  libc.posix_spawnattr_setflags(
    ptr(attributes),
    POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSID,
  );
  return attributes;
}

/**
 * Replaces this process by another program; the PID stays. Returns only by throwing.
 * @param argv all arguments, argv[0] included
 * @param env `KEY=VALUE` entries: the whole environment
 * @throws {SyscallError} execve(2)
 */
export function execve({
  path,
  argv,
  env,
}: {
  path: string;
  argv: readonly string[];
  env: readonly string[];
}): never {
  const cPath = cString(path);
  const cArgv = cStringArray(argv);
  const cEnv = cStringArray(env);
  call("execve", { path, argv, env: countOf(env) }, () =>
    libc.execve(ptr(cPath), ptr(cArgv.pointers), ptr(cEnv.pointers)),
  );
  throw new Error("execve(2) returned without an error, which it never does");
}

/**
 * Asks whether a child has changed state. Blocking here would starve Bun's signal handlers, so callers that
 * wait use WNOHANG after SIGCHLD (linux/supervise.ts).
 * @param options WNOHANG, WUNTRACED
 * @returns the raw wait status (see linux/wait-status.ts), or undefined when nothing has changed
 * @throws {SyscallError} waitpid(2): ECHILD
 */
export function waitpid(pid: number, options = 0): number | undefined {
  const status = new Int32Array(1);
  const changed = call("waitpid", { pid, options: decoded(WAIT, options) }, () =>
    libc.waitpid(pid, ptr(status), options),
  );
  return changed === 0 ? undefined : status[0];
}

/**
 * @param pid a process; negative for the process group -pid
 * @throws {SyscallError} kill(2): ESRCH
 */
export function kill(pid: number, signal: SignalName): void {
  const number = SIGNALS[signal];
  call("kill", { pid, sig: constant(SIGNALS, number) }, () => libc.kill(pid, number));
}

/**
 * Asks the kernel to send us `signal` when the parent's thread that created us dies. It survives execve, except of
 * a set-user-ID program or one with capabilities, but not a change of user or group.
 * @throws {SyscallError} prctl(2)
 */
export function dieWithParent(signal: SignalName): void {
  const number = SIGNALS[signal];
  call("prctl", { option: bare("PR_SET_PDEATHSIG"), sig: bare(signal) }, () =>
    libc.prctl(PR.PR_SET_PDEATHSIG, number, 0, 0, 0),
  );
}

/**
 * Every signal back to its default action and none blocked: ignored signals and the mask survive execve, and
 * Bun ignores SIGPIPE and SIGXFSZ. rt_sigaction(2), rt_sigprocmask(2)
 */
export function resetSignals(): void {
  const sigsetBytes = 8;
  // All zero: SIG_DFL, no flags, no restorer, empty mask. 32 bytes are enough on both architectures.
  const defaultAction = Buffer.alloc(32);
  call("rt_sigaction", { signals: bare(`1..${SIGNAL_MAX}`), action: bare("SIG_DFL") }, () => {
    for (let signal = 1; signal <= SIGNAL_MAX; signal++) {
      if (signal === SIGNALS.SIGKILL || signal === SIGNALS.SIGSTOP) continue;
      libc.syscall(SYS.rt_sigaction, signal, ptr(defaultAction), 0, sigsetBytes, 0, 0);
    }
    return 0;
  });
  setSignalMask(0n);
}

const SIG_SETMASK = 2;

/**
 * Sets which signals this thread does not receive for now.
 * @param mask bit N-1 blocks signal N
 * @throws {SyscallError} rt_sigprocmask(2)
 */
function setSignalMask(mask: bigint): void {
  const set = new BigUint64Array([mask]);
  call("rt_sigprocmask", { how: bare("SIG_SETMASK"), set: hex(mask) }, () =>
    libc.syscall(SYS.rt_sigprocmask, SIG_SETMASK, ptr(set), 0, set.byteLength, 0, 0),
  );
}

/**
 * Limits how many descriptors this process may have open.
 * @param soft the limit in force; hard, as high as the process may raise it
 * @throws {SyscallError} prlimit(2): EPERM when hard is above the present one
 */
export function setOpenFilesLimit({ soft, hard }: { soft: number; hard: number }): void {
  const limit = new BigUint64Array([BigInt(soft), BigInt(hard)]);
  call("prlimit64", { resource: bare("RLIMIT_NOFILE"), soft, hard }, () =>
    libc.syscall(SYS.prlimit64, 0, RLIMIT_NOFILE, ptr(limit), 0, 0, 0),
  );
}

/** The soft and hard limit of open descriptors. prlimit(2) */
export function openFilesLimit(): { soft: number; hard: number } {
  const limit = new BigUint64Array(2);
  call("prlimit64", { resource: bare("RLIMIT_NOFILE") }, () =>
    libc.syscall(SYS.prlimit64, 0, RLIMIT_NOFILE, 0, ptr(limit), 0, 0),
  );
  return { soft: Number(limit[0]), hard: Number(limit[1]) };
}

/** How many variables, not which: values may be secrets, and errors get pasted into reports. */
function countOf(env: readonly string[]): { toString(): string } {
  return bare(`/* ${env.length} variables */`);
}
