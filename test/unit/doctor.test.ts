/** doctor, shown other machines than this one. */
import { expect, test } from "bun:test";
import { examine, type Finding, type Machine } from "../../src/diagnostics/doctor.ts";
import type { CgroupLayout } from "../../src/linux/cgroup/detect.ts";

const MOUNTED = { version: 2, mountPoint: "/sys/fs/cgroup" } as const;
const COMPLETE: CgroupLayout = {
  kind: "v2",
  controllers: new Map([
    ["memory", MOUNTED],
    ["cpu", MOUNTED],
    ["pids", MOUNTED],
  ]),
};
const ALL_CAPABILITIES = "CapEff:\t000001ffffffffff\n";

/** A machine on which all is well, but for what is said. */
function machine(
  change: Partial<Machine> & { files?: Record<string, string>; missing?: string[] } = {},
): Machine {
  const files: Record<string, string> = {
    "/proc/swaps": "Filename\tType\tSize\tUsed\tPriority\n",
    "/proc/filesystems": "nodev\ttmpfs\nnodev\toverlay\n\text4\n",
    "/proc/sys/user/max_user_namespaces": "1000\n",
    "/proc/sys/kernel/pid_max": "32768\n",
    "/proc/version": "Linux version 6.1.0",
    "/proc/self/status": ALL_CAPABILITIES,
    ...change.files,
  };
  return {
    uid: 0,
    kernel: "6.1.0-50-amd64",
    read: (path) => files[path],
    exists: (path) => path in files || (path.startsWith("/proc/self/ns/") && !change.missing?.includes(path)),
    ...change,
  };
}

function finding(topic: string, on: Machine, layout = COMPLETE): Finding | undefined {
  return examine(on, layout).find((candidate) => candidate.topic === topic);
}

test("where all is well nothing is missing", () => {
  expect(examine(machine(), COMPLETE).filter(({ verdict }) => verdict === "missing")).toEqual([]);
});

test("whatever is missing comes with a way to mend it", () => {
  const poor = machine({ uid: 1000, kernel: "5.4.0-42-generic", missing: ["/proc/self/ns/net"] });
  const missing = examine(poor, { kind: "none", controllers: new Map() }).filter(
    ({ verdict }) => verdict === "missing",
  );
  expect(missing.map(({ topic }) => topic)).toEqual([
    "root",
    "kernel",
    "namespaces",
    "cgroups",
    "controllers",
  ]);
  for (const { mend } of missing) expect(mend).toBeString();
});

test.each([
  ["5.11.0", "missing"],
  ["5.12.0", "ok"],
  ["5.15.153.1-microsoft-standard-WSL2", "ok"],
  ["6.18.44", "ok"],
] as const)("the kernel %s is %s", (kernel, verdict) => {
  expect(finding("kernel", machine({ kernel }))?.verdict).toBe(verdict);
});

test("one controller that is missing is named, and the others still count", () => {
  const controllers = new Map([...COMPLETE.controllers].filter(([name]) => name !== "memory"));
  expect(finding("controllers", machine(), { kind: "v2", controllers })).toMatchObject({
    verdict: "missing",
    found: "cpu (v2), pids (v2)",
    means: "no limit for memory; everything else works",
  });
});

test("swap that the kernel does not account for weakens memory limits", () => {
  const swaps = "Filename\tType\tSize\tUsed\tPriority\n/swapfile file 1048572 0 -2\n";
  expect(finding("swap", machine({ files: { "/proc/swaps": swaps } }))?.verdict).toBe("ok");
  const unaccounted = machine({ files: { "/proc/swaps": swaps, "/sys/fs/cgroup/memory": "" } });
  expect(finding("swap", unaccounted)?.verdict).toBe("note");
});

test("WSL2 and containers are recognised, and only who lacks privileges is told to get them", () => {
  const wsl = machine({ files: { "/proc/version": "Linux version 5.15.153.1-microsoft-standard-WSL2" } });
  expect(finding("WSL2", wsl)?.verdict).toBe("note");
  expect(finding("WSL2", machine())).toBeUndefined();
  const inside = { "/.dockerenv": "" };
  expect(finding("container", machine({ files: inside }))?.mend).toBeUndefined();
  const poor = machine({ files: { ...inside, "/proc/self/status": "CapEff:\t00000000a80425fb\n" } });
  expect(finding("container", poor)?.mend).toContain("--privileged");
});
