/** cgroup version 2: one unified hierarchy. Documentation/admin-guide/cgroup-v2.rst */
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

export const V2: Dialect = {
  writes({ memoryBytesMax, cpusMax, pidsMax }) {
    return [...memoryWrites(memoryBytesMax), ...cpuWrites(cpusMax), ...pidsWrites(pidsMax)];
  },

  usage(read) {
    return {
      oomKills: keyed(read("memory", "memory.events"), "oom_kill"),
      memoryBytesPeak: toNumber(read("memory", "memory.peak")), // Linux 5.19
      ...commonUsage(read),
    };
  },
};

function memoryWrites(bytes: number | undefined): LimitWrite[] {
  if (bytes === undefined) return [];
  const memory = { controller: "memory" as const };
  return [
    { ...memory, file: "memory.max", value: String(bytes), holds: sameInPages(bytes) },
    // Missing on kernels without swap: there nothing can be swapped anyway.
    { ...memory, file: "memory.swap.max", value: "0", holds: sameText("0"), optional: true },
    // Out of memory ends the container as a whole, not one process of it at random.
    { ...memory, file: "memory.oom.group", value: "1", holds: sameText("1"), optional: true },
  ];
}

function cpuWrites(cpus: number | undefined): LimitWrite[] {
  if (cpus === undefined) return [];
  const value = `${Math.round(cpus * CPU_PERIOD_US)} ${CPU_PERIOD_US}`;
  return [{ controller: "cpu", file: "cpu.max", value, holds: sameText(value) }];
}
