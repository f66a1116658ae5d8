/** Waiting for a child while signals pass through. */
import { SyscallError } from "../libc/call.ts";
import { SIGNALS, type SignalName, WAIT } from "../libc/constants.ts";
import { kill, waitpid } from "../libc/process.ts";
import { type Loan, lendTerminal, ownsTerminal } from "./foreground.ts";
import { isInitProcess, readStatus, signalSetHas } from "./proc.ts";
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

/** Whether the child gets our terminal, or a session without one. */
export type Leads = "session" | "group";

/**
 * Looks after one child: passes signals on, lends it the terminal, waits for it.
 *
 * Make it before anything is created that a signal's default action, death, would leave behind: signals that
 * come before there is a child are kept for it.
 */
export class Supervisor implements Disposable {
  /** How the child must be started (libc's spawn) for the terminal to be lent to it, or not. */
  readonly leads: Leads;
  readonly #early: SignalName[] = [];
  readonly #handlers: readonly (readonly [SignalName, () => void])[];
  #deliver = (signal: SignalName): void => void this.#early.push(signal);
  #killedFor: SignalName | undefined;

  constructor({ mayLendTerminal = true }: { mayLendTerminal?: boolean } = {}) {
    this.leads = mayLendTerminal && ownsTerminal() ? "group" : "session";
    this.#handlers = FORWARDED.map((signal) => [signal, () => this.#deliver(signal)] as const);
    for (const [signal, handler] of this.#handlers) process.on(signal, handler);
  }

  /**
   * Waits until the child has ended.
   *
   * Not a blocking waitpid(2): that would starve the signal handlers. SIGCHLD wakes us, WNOHANG asks.
   */
  async waitFor(pid: number): Promise<WaitStatus> {
    using loan = this.leads === "group" ? lendTerminal(pid) : undefined;
    if (loan !== undefined) continueGroup(pid); // it may have asked for the terminal before it had it
    this.#deliver = (signal) => {
      this.#killedFor = deliver(pid, signal) ?? this.#killedFor;
    };
    this.#early.splice(0).forEach(this.#deliver);
    const status = await ended(pid, () => stopTogether(pid, loan));
    this.#deliver = () => {};
    return asIfBy(this.#killedFor, status);
  }

  /** Passes a signal on to the child, as if it had come to us. */
  deliver(signal: SignalName): void {
    this.#deliver(signal);
  }

  [Symbol.dispose](): void {
    for (const [signal, handler] of this.#handlers) process.off(signal, handler);
  }
}

function ended(pid: number, onStop: () => void): Promise<WaitStatus> {
  return new Promise((resolve, reject) => {
    const keepAlive = setInterval(() => {}, 2 ** 30); // signal handlers alone do not keep Bun running
    const settle = (action: () => void) => {
      clearInterval(keepAlive);
      process.off("SIGCHLD", check);
      action();
    };
    const check = () => {
      try {
        const raw = waitpid(pid, WAIT.WNOHANG | WAIT.WUNTRACED);
        if (raw === undefined) return;
        const status = decodeWaitStatus(raw);
        if (status.kind === "stopped") onStop();
        else settle(() => resolve(status));
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

/** The child was stopped (Ctrl-Z): we stop too, so that the shell notices, and later go on together. */
function stopTogether(pid: number, loan: Loan | undefined): void {
  if (loan === undefined) return; // whoever stopped it will continue it
  loan.takeBack();
  kill(0, "SIGSTOP"); // our whole group: the shell sees the job stopped. Execution goes on here after SIGCONT.
  loan.lend();
  continueGroup(pid);
}

function continueGroup(leader: number): void {
  try {
    kill(-leader, "SIGCONT");
  } catch (error) {
    if (!(error instanceof SyscallError && error.code === "ESRCH")) throw error;
  }
}
