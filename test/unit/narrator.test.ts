/** What the narrator says: one sentence for each call, none too many, and the report of the fence. */
import { describe, expect, test } from "bun:test";
import type { SystemCall } from "../../src/libc/call.ts";
import { CLONE, IOCTL, MS } from "../../src/libc/constants.ts";
import { constant, flags } from "../../src/libc/flags.ts";
import type { CgroupUsage } from "../../src/linux/cgroup/dialect.ts";
import { describeLimits } from "../../src/narrator/limits.ts";
import { formatNarration } from "../../src/narrator/narrator.ts";
import { explainCall, knownCalls } from "../../src/narrator/sentences.ts";
import { filesIn, readText } from "../support/unit-imports.ts";

describe("sentences", () => {
  const used = new Set(
    filesIn(["src/libc"]).flatMap((file) =>
      [...readText(file).matchAll(/\bcall\(\s*"([a-z0-9_]+)"/g)].map((match) => match[1] as string),
    ),
  );

  test("every call that src/libc makes has a sentence, and no sentence is without a call", () => {
    expect(used.size).toBeGreaterThan(30);
    expect([...used].filter((name) => !knownCalls().includes(name))).toEqual([]);
    expect(knownCalls().filter((name) => !used.has(name))).toEqual([]);
  });

  test.each([...used].sort())("what is said of %s is a whole sentence, whatever its arguments", (name) => {
    const sentence = explainCall(name, { flags: flags(CLONE, CLONE.CLONE_NEWNS) });
    expect(sentence).toMatch(/^\S.*[.?]$/s);
    expect(sentence).not.toContain("\n");
  });

  test("a call that nobody knows gets none", () => {
    expect(explainCall("reboot", {})).toBe("");
  });

  test.each([
    ["unshare", { flags: flags(CLONE, CLONE.CLONE_NEWUTS) }, "The hostname is ours alone."],
    [
      "unshare",
      { flags: flags(CLONE, CLONE.CLONE_NEWPID) },
      "The next child will be PID 1 of a process table of its own.",
    ],
    [
      "mount",
      { source: "proc", target: "/proc", type: "proc", flags: flags(MS, 14) },
      "/proc shows the processes",
    ],
    [
      "mount",
      { source: null, target: "/", type: null, flags: flags(MS, MS.MS_REC | MS.MS_PRIVATE) },
      "no mount of ours",
    ],
    [
      "mount",
      { source: "/r", target: "/r", type: null, flags: flags(MS, MS.MS_BIND | MS.MS_REC) },
      "mount of itself",
    ],
    [
      "mount",
      { source: "/a", target: "/b", type: null, flags: flags(MS, MS.MS_BIND) },
      "/b shows what /a is.",
    ],
    ["ioctl", { request: constant(IOCTL, IOCTL.SIOCSIFFLAGS) }, "lo is up"],
    [
      "write",
      { fd: "3</sys/fs/cgroup/pids/crab-can/x/cgroup.procs>", data: "0" },
      "We have joined the cgroup",
    ],
    [
      "write",
      { fd: "3</sys/fs/cgroup/pids/crab-can/x/pids.max>", data: "64" },
      "pids.max of the cgroup is 64 now.",
    ],
    [
      "write",
      { fd: "3</sys/fs/cgroup/crab-can/x/memory.swap.max>", data: "0" },
      "memory.swap.max of the cgroup is 0 now.",
    ],
    ["umount2", { target: "." }, "The old root is out of sight"],
    ["sethostname", { name: "crab" }, "called crab."],
  ] as const)("%s is explained by its arguments", (name, args, words) => {
    expect(explainCall(name, args)).toContain(words);
  });

  test("every namespace has words of its own", () => {
    const sentences = Object.values(CLONE).map((bit) => explainCall("unshare", { flags: flags(CLONE, bit) }));
    expect(new Set(sentences).size).toBe(Object.keys(CLONE).length);
    expect(sentences.filter((sentence) => sentence.includes("CLONE_"))).toEqual([]);
  });
});

describe("formatNarration", () => {
  const call: SystemCall = {
    name: "sethostname",
    args: { name: "crab" },
    result: 0,
    errno: 0,
    nanoseconds: 1,
  };

  test("shows the side, the number, the call, its result, and below it what it means", () => {
    expect(formatNarration("inside", 3, call)).toBe(
      'inside    3 sethostname(name="crab") = 0\n' +
        "            Whoever asks in this UTS namespace hears that the machine is called crab.\n",
    );
  });

  test("of a call that failed it shows the errno and does not claim that anything has changed", () => {
    expect(formatNarration("outside", 12, { ...call, result: -1, errno: 1 })).toBe(
      'outside  12 sethostname(name="crab") = -1 EPERM\n',
    );
  });

  test("a call without a sentence is one line", () => {
    expect(formatNarration("inside", 1, { ...call, name: "reboot", args: {} })).toBe(
      "inside    1 reboot() = 0\n",
    );
  });
});

describe("the report of the fence", () => {
  const QUIET: CgroupUsage = {
    oomKills: 0,
    memoryBytesPeak: 1024 ** 2,
    pidsLimitHits: 0,
    cpuPeriodsThrottled: 5,
    cpuPeriods: 9,
  };
  const UNKNOWN: CgroupUsage = {
    oomKills: undefined,
    memoryBytesPeak: undefined,
    pidsLimitHits: undefined,
    cpuPeriodsThrottled: undefined,
    cpuPeriods: undefined,
  };
  const limits = { memoryBytesMax: 64 * 1024 ** 2, cpusMax: 0.5, pidsMax: 64 };
  const killed = { kind: "signaled", signal: 9 } as const;
  const exited = { kind: "exited", code: 0 } as const;

  test("is empty when no limit was hit, or when the kernel does not say", () => {
    expect(describeLimits(exited, QUIET, limits)).toEqual([]);
    expect(describeLimits(killed, UNKNOWN, limits)).toEqual([]);
  });

  test("says that memory ran out, with the limit and the peak", () => {
    const usage = { ...QUIET, oomKills: 1, memoryBytesPeak: 64 * 1024 ** 2 };
    expect(describeLimits(killed, usage, limits)).toEqual([
      "killed: out of memory (limit 64 MiB, peak 64 MiB)",
    ]);
    expect(describeLimits(killed, { ...usage, memoryBytesPeak: undefined }, {})).toEqual([
      "killed: out of memory (no limit of ours)",
    ]);
  });

  test("does not say that the container was killed when only a child of it was", () => {
    const [line = ""] = describeLimits(exited, { ...QUIET, oomKills: 2 }, limits);
    expect(line).toStartWith("2 of its processes killed: out of memory");
    const [other = ""] = describeLimits({ kind: "signaled", signal: 15 }, { ...QUIET, oomKills: 1 }, limits);
    expect(other).toStartWith("1 of its processes killed");
  });

  test("says that processes were refused, only when there was a limit", () => {
    const usage = { ...QUIET, pidsLimitHits: 7 };
    expect(describeLimits(exited, usage, limits)).toEqual(["new processes refused 7 times (limit 64)"]);
    expect(describeLimits(exited, usage, {})).toEqual([]);
  });
});
