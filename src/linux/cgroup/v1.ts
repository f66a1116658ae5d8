/** cgroup version 1: a hierarchy for each controller. Documentation/admin-guide/cgroup-v1/ */
import { CPU_PERIOD_US, type Dialect, keyed, sameInPages, sameText, toNumber } from "./dialect.ts";

export const V1: Dialect = {
  writes({ memoryBytesMax, cpusMax, pidsMax }) {
    const quota = String(Math.round((cpusMax ?? 0) * CPU_PERIOD_US));
    return [
      ...(memoryBytesMax === undefined ? [] : memoryWrites(memoryBytesMax)),
      ...(cpusMax === undefined
        ? []
        : [
            {
              controller: "cpu" as const,
              file: "cpu.cfs_period_us",
              value: String(CPU_PERIOD_US),
              holds: sameText(String(CPU_PERIOD_US)),
            },
            { controller: "cpu" as const, file: "cpu.cfs_quota_us", value: quota, holds: sameText(quota) },
          ]),
      ...(pidsMax === undefined
        ? []
        : [
            {
              controller: "pids" as const,
              file: "pids.max",
              value: String(pidsMax),
              holds: sameText(String(pidsMax)),
            },
          ]),
    ];
  },

  usage(read) {
    return {
      oomKills: keyed(read("memory", "memory.oom_control"), "oom_kill"),
      memoryBytesPeak: toNumber(read("memory", "memory.max_usage_in_bytes")),
      pidsLimitHits: keyed(read("pids", "pids.events"), "max"),
      cpuPeriodsThrottled: keyed(read("cpu", "cpu.stat"), "nr_throttled"),
      cpuPeriods: keyed(read("cpu", "cpu.stat"), "nr_periods"),
    };
  },
};

function memoryWrites(bytes: number) {
  const value = String(bytes);
  const common = { controller: "memory" as const, value, holds: sameInPages(bytes) };
  return [
    { ...common, file: "memory.limit_in_bytes" },
    // RAM and swap together: equal to the first, so nothing is swapped. Missing without swap accounting.
    { ...common, file: "memory.memsw.limit_in_bytes", optional: true },
    { ...common, file: "memory.swappiness", value: "0", holds: sameText("0"), optional: true },
  ];
}
