/** The ledger: what the host has before and after a privileged test. Whatever is left fails that very test. */
import { afterEach, beforeEach, expect } from "bun:test";
import { existsSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { PARENT, removeAbandonedCgroups } from "../../src/linux/cgroup/cgroup.ts";
import { detectCgroups } from "../../src/linux/cgroup/detect.ts";
import { subdirectories } from "../../src/linux/cgroup/directory.ts";
import { readMounts } from "../../src/linux/mountinfo.ts";
import { readStatus } from "../../src/linux/proc.ts";

export interface Ledger {
  readonly hostname: string;
  readonly mounts: readonly string[];
  readonly cgroups: readonly string[];
  readonly processes: readonly string[];
  readonly links: readonly string[];
  readonly temporary: readonly string[];
  readonly devices: readonly string[];
}

/** Reads the host's state, as far as a container could have changed it. */
export function readLedger(): Ledger {
  return {
    hostname: hostname(),
    mounts: readMounts().map(({ mountPoint, type, options }) => `${type} ${mountPoint} ${options.join(",")}`),
    cgroups: cgroupsOfOurs(),
    processes: ourProcesses(),
    links: readdirSync("/sys/class/net").sort(),
    temporary: readdirSync(tmpdir())
      .filter((name) => name.includes("crab"))
      .sort(),
    devices: ["null", "zero", "full", "random", "urandom", "tty"].map(describeDevice),
  };
}

/** Makes every test of the file keep the ledger. Call it once, at the top of a file of privileged tests. */
export function keepLedger(): void {
  let before: Ledger;
  beforeEach(() => {
    before = readLedger();
  });
  afterEach(async () => {
    // A killed supervisor's container needs a moment to be torn down by the kernel.
    const deadline = Date.now() + 5_000;
    while (!Bun.deepEquals(readLedger(), before) && Date.now() < deadline) await Bun.sleep(20);
    const after = readLedger();
    removeAbandonedCgroups();
    for (const name of after.temporary)
      if (!before.temporary.includes(name)) rmSync(`${tmpdir()}/${name}`, { recursive: true });
    expect(after).toEqual(before);
  });
}

function cgroupsOfOurs(): string[] {
  const parents = new Set(
    [...detectCgroups().controllers.values()].map((place) => `${place.mountPoint}/${PARENT}`),
  );
  return [...parents].flatMap((path) => (existsSync(path) ? [path, ...subdirectories(path)] : []));
}

/** Processes that are in a container's cgroup or in a PID namespace of its own, and runtimes of ours. */
function ourProcesses(): string[] {
  const found: string[] = [];
  for (const entry of readdirSync("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      const cmdline = readFileSync(`/proc/${entry}/cmdline`, "utf8").replaceAll("\0", " ").trim();
      const status = readStatus(Number(entry));
      if (status.get("State")?.startsWith("Z")) continue; // dead; whoever inherited it has yet to ask
      const depth = status.get("NSpid")?.split(/\s+/).length ?? 1;
      const ours =
        cmdline.includes("/phases/") || cmdline.includes("/cli/main.ts") || cmdline.includes("crab-can");
      if (depth > 1 || ours) found.push(`${entry} ${cmdline}`);
    } catch {
      // it has ended meanwhile
    }
  }
  return found.filter((line) => !line.startsWith(`${process.pid} `));
}

function describeDevice(name: string): string {
  const { mode, uid, gid, rdev } = statSync(`/dev/${name}`);
  return `${name} ${mode.toString(8)} ${uid}:${gid} ${rdev}`;
}
