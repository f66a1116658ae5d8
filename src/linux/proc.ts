/** Readers of /proc: what the host side can see of a process. proc(5) */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { SIGNALS, type SignalName } from "../libc/constants.ts";

export type NamespaceName = "cgroup" | "ipc" | "mnt" | "net" | "pid" | "user" | "uts";

/** The fields of /proc/PID/status, as text. */
export function readStatus(pid: number | "self"): ReadonlyMap<string, string> {
  return parseStatus(readFileSync(`/proc/${pid}/status`, "utf8"));
}

/** Parses the text of a /proc/PID/status file: `Name:<tab>value` lines. */
export function parseStatus(text: string): ReadonlyMap<string, string> {
  const fields = new Map<string, string>();
  for (const line of text.split("\n")) {
    const colon = line.indexOf(":");
    if (colon > 0) fields.set(line.slice(0, colon), line.slice(colon + 1).trim());
  }
  return fields;
}

/** A process's namespace as the kernel names it, e.g. "net:[4026531840]". Equal names are one namespace. */
export function namespaceOf(pid: number | "self", name: NamespaceName): string {
  return readlinkSync(`/proc/${pid}/ns/${name}`);
}

/** The open descriptors of a process. */
export function openDescriptors(pid: number | "self"): number[] {
  return readdirSync(`/proc/${pid}/fd`).map(Number);
}

/** Whether a signal is in one of the signal sets of a status file (SigCgt, SigIgn, SigBlk …). */
export function signalSetHas(status: ReadonlyMap<string, string>, set: string, signal: SignalName): boolean {
  const mask = BigInt(`0x${status.get(set) ?? "0"}`);
  return ((mask >> BigInt(SIGNALS[signal] - 1)) & 1n) === 1n;
}

/** True when the process is PID 1 of the innermost PID namespace it lives in. */
export function isInitProcess(status: ReadonlyMap<string, string>): boolean {
  return status.get("NSpid")?.split(/\s+/).at(-1) === "1";
}
