/** Waiting for a child while signals pass through. */
import { type SignalName, WAIT } from "../libc/constants.ts";
import { waitpid } from "../libc/process.ts";
import { Postman } from "./postman.ts";
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
    const postman = new Postman(pid);
    this.#deliver = (signal) => {
      // The kernel itself tells the command that its own terminal has changed its size.
      if (signal !== "SIGWINCH" || this.terminal === undefined) postman.deliver(signal);
    };
    this.#early.splice(0).forEach(this.#deliver);
    await using _carrying = this.terminal?.carry(pid, (signal) => postman.makeUpFor(signal));
    const status = await ended(pid);
    this.#deliver = () => {};
    return postman.asIfDelivered(status);
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
