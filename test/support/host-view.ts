/** What the host sees of a process and its container: all from /proc/PID, nothing from the container's word. */
import { type BigIntStats, readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";
import { namespaceOf, openDescriptors, readStatus } from "../../src/linux/proc.ts";

/** The value of an observation, or undefined when the process is not there (any more). */
export function ifThere<T>(observe: () => T): T | undefined {
  try {
    return observe();
  } catch {
    return undefined;
  }
}

/** Whether the process runs; a zombie does not. */
export function isAlive(pid: number): boolean {
  const state = ifThere(() => readStatus(pid).get("State"));
  return state !== undefined && !/^[ZX]/.test(state);
}

/** Every number in a directory like /proc. */
export function numbersIn(directory: string): number[] {
  return readdirSync(directory).map(Number).filter(Number.isInteger);
}

/** A process's number in its own, innermost PID namespace. */
export function innerPid(pid: number): number {
  return Number(readStatus(pid).get("NSpid")?.split(/\s+/).at(-1));
}

/** A process's name, undefined when it is gone. */
export function nameOf(pid: number): string | undefined {
  return ifThere(() => readFileSync(`/proc/${pid}/comm`, "utf8").trim());
}

/** All processes that live in the same PID namespace, by their numbers on the host. */
export function housemates(pid: number): number[] {
  const namespace = namespaceOf(pid, "pid");
  return numbersIn("/proc").filter(
    (other) => isAlive(other) && ifThere(() => namespaceOf(other, "pid")) === namespace,
  );
}

/** Whether two paths lead to the very same file. */
export function isSameFile(one: string, other: string): boolean {
  const [{ dev, ino }, of] = [statSync(one, { bigint: true }), statSync(other, { bigint: true })];
  return dev === of.dev && ino === of.ino;
}

export interface HeldFile {
  readonly path: string;
  readonly writable: boolean;
  readonly stat: BigIntStats;
}

/** The files that a process holds open, besides its standard streams. */
export function heldFiles(pid: number): HeldFile[] {
  return openDescriptors(pid).flatMap((fd) => {
    if (fd <= 2) return [];
    const path = readlinkSync(`/proc/${pid}/fd/${fd}`);
    const flags = /^flags:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/fdinfo/${fd}`, "utf8"))?.[1] ?? "0";
    const accessMode = Number.parseInt(flags, 8) & 3;
    return [{ path, writable: accessMode !== 0, stat: statSync(`/proc/${pid}/fd/${fd}`, { bigint: true }) }];
  });
}

/** Fields of /proc/PID/stat from the third on; the second may contain anything. */
export function statFields(pid: number): string[] {
  const text = readFileSync(`/proc/${pid}/stat`, "utf8");
  return text.slice(text.lastIndexOf(")") + 2).split(" ");
}

/** The session a process belongs to. */
export function sessionOf(pid: number): number {
  return Number(statFields(pid)[3]);
}

/** Processor time a process has used, in clock ticks. */
export function processorTicks(pid: number): number {
  const fields = statFields(pid);
  return Number(fields[11]) + Number(fields[12]);
}
