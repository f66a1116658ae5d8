/** Waiting for a child while signals pass through. */
import { SIGNALS, type SignalName, WAIT } from "../libc/constants.ts";
import { kill, waitpid } from "../libc/process.ts";
import { isInitProcess, readStatus, signalSetHas } from "./proc.ts";
import { openTerminal } from "./terminal.ts";
import { decodeWaitStatus, type WaitStatus } from "./wait-status.ts";

/** What we pass on to the command. */
const FORWARDED: readonly SignalName[] = [
  "SIGHUP",
  "SIGINT",
  "SIGQUIT",
  "SIGTERM",
  "SIGUSR1",
  "SIGUSR2",
  "SIGALRM",
  "SIGWINCH",
];
const HARMLESS_BY_DEFAULT: readonly SignalName[] = ["SIGWINCH"];

/**
 * Looks after one child: passes signals on, gives it a terminal, waits for it.
 *
 * Make it before anything is created that a signal's default action, death, would leave behind: signals that
 * come before there is a child are kept for it.
 */
export class Supervisor implements Disposable {
  /** The child's terminal, for `spawn`; undefined when we have none ourselves. */
  readonly terminal = openTerminal();
  readonly #early: SignalName[] = [];
  readonly #handlers: readonly (readonly [SignalName, () => void])[];
  #deliver = (signal: SignalName): void => void this.#early.push(signal);

  constructor() {
    this.#handlers = FORWARDED.map((signal) => [signal, () => this.#deliver(signal)] as const);
    for (const [signal, handler] of this.#handlers) process.on(signal, handler);
  }

  /**
   * Waits until the child has ended, and its last output has been carried.
   *
   * Not a blocking waitpid(2): that would starve the signal handlers. SIGCHLD wakes us, WNOHANG asks.
   */
  async waitFor(pid: number): Promise<WaitStatus> {
    let killedFor: SignalName | undefined;
    this.#deliver = (signal) => {
      // The kernel itself tells the command that its own terminal has changed its size.
      if (signal === "SIGWINCH" && this.terminal !== undefined) return;
      killedFor = deliver(pid, signal) ?? killedFor;
    };
    this.#early.splice(0).forEach(this.#deliver);
    await using _carrying = this.terminal?.carry(pid, () => this.#deliver("SIGINT"));
    const status = await ended(pid);
    this.#deliver = () => {};
    return asIfBy(killedFor, status);
  }

  [Symbol.dispose](): void {
    for (const [signal, handler] of this.#handlers) process.off(signal, handler);
  }
}

function ended(pid: number): Promise<WaitStatus> {
  return new Promise((resolve, reject) => {
    const keepAlive = setInterval(() => {}, 2 ** 30); // signal handlers alone do not keep Bun running
    const settle = (action: () => void) => {
      clearInterval(keepAlive);
      process.off("SIGCHLD", check);
      action();
    };
    const check = () => {
      try {
        const raw = waitpid(pid, WAIT.WNOHANG);
        if (raw === undefined) return;
        settle(() => resolve(decodeWaitStatus(raw)));
      } catch (error) {
        settle(() => reject(error));
      }
    };
    process.on("SIGCHLD", check);
    check(); // it may have ended before we listened
  });
}

/**
 * Sends a signal so that it has the effect it would have on any process.
 *
 * The kernel discards signals for PID 1 of a namespace that it has no handler for: `sleep` as PID 1 could not
 * be interrupted. Where the host side sees that the signal would be discarded and its default is death, death
 * is what the process gets. pid_namespaces(7)
 * @returns the signal, when SIGKILL was sent in its place
 */
function deliver(pid: number, signal: SignalName): SignalName | undefined {
  try {
    const status = readStatus(pid);
    const discarded =
      isInitProcess(status) &&
      !["SigCgt", "SigIgn", "SigBlk"].some((set) => signalSetHas(status, set, signal));
    if (discarded && !HARMLESS_BY_DEFAULT.includes(signal)) {
      kill(pid, "SIGKILL");
      return signal;
    }
    kill(pid, signal);
  } catch (error) {
    // Between its end and our waitpid there is a process without a /proc entry to read: nothing to signal.
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code !== "ESRCH" && code !== "ENOENT") throw error;
  }
  return undefined;
}

function asIfBy(signal: SignalName | undefined, status: WaitStatus): WaitStatus {
  const killed = status.kind === "signaled" && status.signal === SIGNALS.SIGKILL;
  return killed && signal !== undefined ? { kind: "signaled", signal: SIGNALS[signal] } : status;
}
