/** cgroup version 1: a hierarchy for each controller. Documentation/admin-guide/cgroup-v1/ */
import {
  CPU_PERIOD_US,
  commonUsage,
  type Dialect,
  keyed,
  type LimitWrite,
  pidsWrites,
  sameInPages,
  sameText,
  toNumber,
} from "./dialect.ts";

export const V1: Dialect = {
  writes({ memoryBytesMax, cpusMax, pidsMax }) {
    return [...memoryWrites(memoryBytesMax), ...cpuWrites(cpusMax), ...pidsWrites(pidsMax)];
  },

  usage(read) {
    return {
      oomKills: keyed(read("memory", "memory.oom_control"), "oom_kill"),
      memoryBytesPeak: toNumber(read("memory", "memory.max_usage_in_bytes")),
      ...commonUsage(read),
    };
  },
};

function memoryWrites(bytes: number | undefined): LimitWrite[] {
  if (bytes === undefined) return [];
  const common = { controller: "memory" as const, value: String(bytes), holds: sameInPages(bytes) };
  return [
    { ...common, file: "memory.limit_in_bytes" },
    // RAM and swap together: equal to the first, so nothing is swapped. Missing without swap accounting.
    { ...common, file: "memory.memsw.limit_in_bytes", optional: true },
    { ...common, file: "memory.swappiness", value: "0", holds: sameText("0"), optional: true },
  ];
}

function cpuWrites(cpus: number | undefined): LimitWrite[] {
  if (cpus === undefined) return [];
  const period = String(CPU_PERIOD_US);
  const quota = String(Math.round(cpus * CPU_PERIOD_US));
  return [
    { controller: "cpu", file: "cpu.cfs_period_us", value: period, holds: sameText(period) },
    { controller: "cpu", file: "cpu.cfs_quota_us", value: quota, holds: sameText(quota) },
  ];
}
