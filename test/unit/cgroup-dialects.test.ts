/** What is written to a cgroup's files, and what is read from them, in both versions. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { Dialect } from "../../src/linux/cgroup/dialect.ts";
import type { Limits } from "../../src/linux/cgroup/limits.ts";
import { V1 } from "../../src/linux/cgroup/v1.ts";
import { V2 } from "../../src/linux/cgroup/v2.ts";

const ALL: Limits = { memoryBytesMax: 67108864, cpusMax: 0.5, pidsMax: 64 };
const NOTHING = {
  oomKills: undefined,
  memoryBytesPeak: undefined,
  pidsLimitHits: undefined,
  cpuPeriodsThrottled: undefined,
  cpuPeriods: undefined,
};

function written(dialect: Dialect, limits: Limits): string[] {
  return dialect
    .writes(limits)
    .map(
      ({ controller, file, value, optional }) => `${controller}: ${file}${optional ? "?" : ""} = ${value}`,
    );
}

function usage(dialect: Dialect, files: Readonly<Record<string, string>>) {
  return dialect.usage((controller, file) => files[`${controller} ${file}`]);
}

describe("version 1", () => {
  test("writes limits in its own words, swap included, the period before the quota", () => {
    expect(written(V1, ALL)).toEqual([
      "memory: memory.limit_in_bytes = 67108864",
      "memory: memory.memsw.limit_in_bytes? = 67108864",
      "memory: memory.swappiness? = 0",
      "cpu: cpu.cfs_period_us = 100000",
      "cpu: cpu.cfs_quota_us = 50000",
      "pids: pids.max = 64",
    ]);
  });

  test("reads what happened", () => {
    const files = {
      "memory memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 3",
      "memory memory.max_usage_in_bytes": "67108864",
      "pids pids.events": "max 7",
      "cpu cpu.stat": "nr_periods 40\nnr_throttled 12\nthrottled_time 600000",
    };
    expect(usage(V1, files)).toEqual({
      oomKills: 3,
      memoryBytesPeak: 67108864,
      pidsLimitHits: 7,
      cpuPeriodsThrottled: 12,
      cpuPeriods: 40,
    });
  });

  test("a kernel before 4.13 does not count kills, and that is not zero", () => {
    const files = { "memory memory.oom_control": "oom_kill_disable 0\nunder_oom 0" };
    expect(usage(V1, files).oomKills).toBeUndefined();
  });
});

describe("version 2", () => {
  test("writes limits in its own words, swap off, out of memory ends the whole container", () => {
    expect(written(V2, ALL)).toEqual([
      "memory: memory.max = 67108864",
      "memory: memory.swap.max? = 0",
      "memory: memory.oom.group? = 1",
      "cpu: cpu.max = 50000 100000",
      "pids: pids.max = 64",
    ]);
  });

  test("reads what happened", () => {
    const files = {
      "memory memory.events": "low 0\nhigh 0\nmax 52\noom 2\noom_kill 1\noom_group_kill 1",
      "memory memory.peak": "67104768",
      "pids pids.events": "max 7",
      "cpu cpu.stat":
        "usage_usec 9\nuser_usec 5\nsystem_usec 4\nnr_periods 40\nnr_throttled 12\nthrottled_usec 600",
    };
    expect(usage(V2, files)).toEqual({
      oomKills: 1,
      memoryBytesPeak: 67104768,
      pidsLimitHits: 7,
      cpuPeriodsThrottled: 12,
      cpuPeriods: 40,
    });
  });
});

describe.each([
  ["version 1", V1],
  ["version 2", V2],
] as const)("in %s", (_, dialect) => {
  test("no limit means nothing to write, and no file means nothing known", () => {
    expect(dialect.writes({})).toEqual([]);
    expect(usage(dialect, {})).toEqual(NOTHING);
  });

  test("each limit alone writes only files of its controller", () => {
    for (const [limit, controller] of [
      [{ memoryBytesMax: 2 ** 20 }, "memory"],
      [{ cpusMax: 1 }, "cpu"],
      [{ pidsMax: 1 }, "pids"],
    ] as const) {
      const writes = dialect.writes(limit);
      expect(writes.length).toBeGreaterThan(0);
      expect(writes.filter((write) => write.controller !== controller)).toEqual([]);
      expect(writes.filter((write) => !write.file.startsWith(`${controller}.`))).toEqual([]);
    }
  });

  test("every value is whole numbers, and holds when it is read back as written", () => {
    const limits = fc.record({
      memoryBytesMax: fc.integer({ min: 512 * 1024, max: 2 ** 50 }),
      cpusMax: fc.double({ min: 0.01, max: 8192, noNaN: true }),
      pidsMax: fc.integer({ min: 1, max: 4_194_304 }),
    });
    fc.assert(
      fc.property(limits, (some) => {
        for (const { value, holds } of dialect.writes(some)) {
          expect(value).toMatch(/^\d+( \d+)?$/);
          expect(holds(value)).toBeTrue();
          // "max" and -1 are how the kernel says "no limit".
          for (const other of ["", "max", "-1", "max 100000", "9223372036854771712"]) {
            expect(holds(other), `${value} as ${other}`).toBeFalse();
          }
        }
      }),
    );
  });

  test("a memory limit that the kernel has rounded down to a page holds; a page more or less does not", () => {
    const [limit] = dialect.writes({ memoryBytesMax: 1_000_000 });
    expect(limit?.holds("999424")).toBeTrue();
    expect(limit?.holds("1003520")).toBeFalse();
    expect(limit?.holds("900000")).toBeFalse();
  });
});
