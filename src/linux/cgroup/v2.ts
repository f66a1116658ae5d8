/** cgroup version 2: one unified hierarchy. Documentation/admin-guide/cgroup-v2.rst */
import { CPU_PERIOD_US, type Dialect, keyed, sameInPages, sameText, toNumber } from "./dialect.ts";

export const V2: Dialect = {
  writes({ memoryBytesMax, cpusMax, pidsMax }) {
    const cpu = `${Math.round((cpusMax ?? 0) * CPU_PERIOD_US)} ${CPU_PERIOD_US}`;
    const memory = { controller: "memory" as const };
    return [
      ...(memoryBytesMax === undefined
        ? []
        : [
            {
              ...memory,
              file: "memory.max",
              value: String(memoryBytesMax),
              holds: sameInPages(memoryBytesMax),
            },
            // Missing on kernels without swap: there nothing can be swapped anyway.
            { ...memory, file: "memory.swap.max", value: "0", holds: sameText("0"), optional: true },
            // Out of memory ends the container as a whole, not one process of it at random.
            { ...memory, file: "memory.oom.group", value: "1", holds: sameText("1"), optional: true },
          ]),
      ...(cpusMax === undefined
        ? []
        : [{ controller: "cpu" as const, file: "cpu.max", value: cpu, holds: sameText(cpu) }]),
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
      oomKills: keyed(read("memory", "memory.events"), "oom_kill"),
      memoryBytesPeak: toNumber(read("memory", "memory.peak")), // Linux 5.19
      pidsLimitHits: keyed(read("pids", "pids.events"), "max"),
      cpuPeriodsThrottled: keyed(read("cpu", "cpu.stat"), "nr_throttled"),
      cpuPeriods: keyed(read("cpu", "cpu.stat"), "nr_periods"),
    };
  },
};
