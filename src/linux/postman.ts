/**
 * Signals for PID 1, with the effect they would have on any process.
 *
 * The kernel discards signals for PID 1 of a namespace that it has no handler for: `sleep` as PID 1 could not be
 * interrupted. So the host side looks first. Where a signal would be discarded and its default is death, death is
 * what the process gets. pid_namespaces(7), signal(7)
 */
import { SIGNALS, type SignalName } from "../libc/constants.ts";
import { kill } from "../libc/process.ts";
import { isInitProcess, readStatus, signalSetHas } from "./proc.ts";
import type { WaitStatus } from "./wait-status.ts";

const HARMLESS_BY_DEFAULT: readonly SignalName[] = ["SIGWINCH"];
const LOOK_AGAIN_MS = 20;

/** What will become of a signal: it has an effect, the kernel throws it away, or it waits, being blocked. */
type Fate = "takes effect" | "is discarded" | "is blocked";

export class Postman {
  readonly #pid: number;
  #killedFor: SignalName | undefined;

  constructor(pid: number) {
    this.#pid = pid;
  }

  /** Sends a signal. A process that has ended meanwhile needs none. */
  deliver(signal: SignalName): void {
    ifAlive(() => {
      const fate = this.#fateOf(signal);
      if (fate === "is discarded") return this.#killFor(signal);
      kill(this.#pid, signal);
      if (fate === "is blocked") this.#watch(signal);
    });
  }

  /**
   * Of a signal that the kernel has sent itself, for a key: only if it was discarded, there is something left to do.
   */
  makeUpFor(signal: SignalName): void {
    ifAlive(() => {
      if (this.#fateOf(signal) === "is discarded") this.#killFor(signal);
    });
  }

  /** The end of the process, told as the death by the signal that was to be delivered. */
  asIfDelivered(status: WaitStatus): WaitStatus {
    const killed = status.kind === "signaled" && status.signal === SIGNALS.SIGKILL;
    const signal = this.#killedFor;
    return killed && signal !== undefined ? { kind: "signaled", signal: SIGNALS[signal] } : status;
  }

  /** A blocked signal meets its fate when it is unblocked: a shell blocks some for the moment of a fork. */
  #watch(signal: SignalName): void {
    const timer = setTimeout(() => {
      ifAlive(() => {
        const fate = this.#fateOf(signal);
        if (fate === "is discarded") this.#killFor(signal);
        else if (fate === "is blocked" && this.#isPending(signal)) this.#watch(signal);
      });
    }, LOOK_AGAIN_MS);
    timer.unref();
  }

  #fateOf(signal: SignalName): Fate {
    const status = readStatus(this.#pid);
    const has = (set: string) => signalSetHas(status, set, signal);
    if (!isInitProcess(status) || HARMLESS_BY_DEFAULT.includes(signal)) return "takes effect";
    if (has("SigCgt") || has("SigIgn")) return "takes effect";
    return has("SigBlk") ? "is blocked" : "is discarded";
  }

  /** False when the process has fetched it with sigwait(3). */
  #isPending(signal: SignalName): boolean {
    const status = readStatus(this.#pid);
    return signalSetHas(status, "ShdPnd", signal) || signalSetHas(status, "SigPnd", signal);
  }

  #killFor(signal: SignalName): void {
    this.#killedFor = signal;
    kill(this.#pid, "SIGKILL");
  }
}

function ifAlive(action: () => void): void {
  try {
    action();
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code !== "ESRCH" && code !== "ENOENT") throw error;
  }
}
