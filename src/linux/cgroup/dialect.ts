/** What the two versions of cgroups say differently: file names, units, formats. The rest is in cgroup.ts. */
import type { Controller } from "./detect.ts";
import type { Limits } from "./limits.ts";

/** One limit to be written and read back. */
export interface LimitWrite {
  readonly controller: Controller;
  readonly file: string;
  readonly value: string;
  /** A file that some kernels lack: then the write is left out. */
  readonly optional?: boolean;
  /** Whether what is read back means the same. */
  readonly holds: (readBack: string) => boolean;
}

/** What happened in a cgroup so far. Undefined: this kernel does not say. */
export interface CgroupUsage {
  readonly oomKills: number | undefined;
  readonly memoryBytesPeak: number | undefined;
  readonly pidsLimitHits: number | undefined;
  readonly cpuPeriodsThrottled: number | undefined;
  readonly cpuPeriods: number | undefined;
}

/** Gives the text of a controller's file, or undefined when the kernel has no such file. */
export type ReadFile = (controller: Controller, file: string) => string | undefined;

export interface Dialect {
  writes(limits: Limits): LimitWrite[];
  usage(read: ReadFile): CgroupUsage;
}

/** A period of the CPU controller in microseconds, the kernel's own default. */
export const CPU_PERIOD_US = 100_000;

/** The kernel keeps memory limits in whole pages, so less than a page may be missing. */
export function sameInPages(wanted: number): (readBack: string) => boolean {
  const pageBytesMax = 65_536; // arm64 kernels may have pages of 64 KiB
  return (readBack) => Number(readBack) <= wanted && wanted - Number(readBack) < pageBytesMax;
}

export function sameText(wanted: string): (readBack: string) => boolean {
  return (readBack) => readBack === wanted;
}

/** The pids controller, and what it says, are the same in both versions. */
export function pidsWrites(pidsMax: number | undefined): LimitWrite[] {
  if (pidsMax === undefined) return [];
  const value = String(pidsMax);
  return [{ controller: "pids", file: "pids.max", value, holds: sameText(value) }];
}

/** So is what the cpu controller counts, and how often the pids limit was hit. */
export function commonUsage(
  read: ReadFile,
): Pick<CgroupUsage, "pidsLimitHits" | "cpuPeriodsThrottled" | "cpuPeriods"> {
  return {
    pidsLimitHits: keyed(read("pids", "pids.events"), "max"),
    cpuPeriodsThrottled: keyed(read("cpu", "cpu.stat"), "nr_throttled"),
    cpuPeriods: keyed(read("cpu", "cpu.stat"), "nr_periods"),
  };
}

/** A value of a "key value" file such as memory.events. */
export function keyed(text: string | undefined, key: string): number | undefined {
  const line = text?.split("\n").find((candidate) => candidate.startsWith(`${key} `));
  return line === undefined ? undefined : Number(line.slice(key.length + 1));
}

export function toNumber(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Number(text);
}
