/** How a process ended, out of the word that waitpid(2) fills in. */
import { signalName } from "../libc/constants.ts";

export type WaitStatus =
  | { readonly kind: "exited"; readonly code: number }
  | { readonly kind: "signaled"; readonly signal: number }
  | { readonly kind: "stopped"; readonly signal: number };

/** Decodes a raw wait status: the low seven bits tell how it ended, the next byte holds the details. wait(2) */
export function decodeWaitStatus(raw: number): WaitStatus {
  const low = raw & 0x7f;
  const detail = (raw >> 8) & 0xff;
  if (low === 0) return { kind: "exited", code: detail };
  if (low === 0x7f) return { kind: "stopped", signal: detail };
  return { kind: "signaled", signal: low };
}

/** The exit status a shell would show: the command's own, or 128 + N when signal N killed it. */
export function exitStatusOf(status: WaitStatus): number {
  return status.kind === "exited" ? status.code : 128 + status.signal;
}

/** "exited with status 3", "killed by SIGKILL" */
export function describeWaitStatus(status: WaitStatus): string {
  if (status.kind === "exited") return `exited with status ${status.code}`;
  return `${status.kind === "signaled" ? "killed" : "stopped"} by ${signalName(status.signal)}`;
}
