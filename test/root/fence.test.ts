import { afterAll, expect } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { removeAbandonedCgroups } from "../../src/linux/cgroup/cgroup.ts";
import { CONTROLLERS, type Controller, detectCgroups } from "../../src/linux/cgroup/detect.ts";
import { keyed } from "../../src/linux/cgroup/dialect.ts";
import { namespaceOf, readStatus } from "../../src/linux/proc.ts";
import { housemates, ifThere, isAlive, nameOf, processorTicks } from "../support/host-view.ts";
import { on } from "../support/ladder.ts";
import { commandProcess, eventually, type Finished, launch, PHASES } from "../support/launch.ts";
import { keepLedger } from "../support/ledger.ts";
import { mutant } from "../support/mutant.ts";
import { needing, test } from "../support/privileged.ts";
import { eatMemory, FULL, forkMany, keepBusy, READY } from "../support/programs.ts";
import { temporaryRootfs } from "../support/rootfs.ts";

keepLedger();
/** They set or read limits of all three controllers. */
const limited = needing(...CONTROLLERS);
const image = temporaryRootfs();
afterAll(image.remove);

const MIB = 1024 ** 2;
const LIMITS = ["--memory", "64M", "--cpus", "0.5", "--pids", "64"];
const HOG_MIB = 100;

/** Both have the same limits: phase 4 by default. */
const FENCED: Readonly<Record<string, readonly string[]>> = {
  "phase 4": on("phase 4", image.path),
  "crab-can run": on("crab-can run", image.path, ...LIMITS),
};
const UNFENCED = on("phase 3", image.path);

/** The directory of the cgroup that a process is in, as far as one controller goes. */
function cgroupOf(pid: number, controller: Controller): string {
  const place = detectCgroups().controllers.get(controller);
  const lines = readFileSync(`/proc/${pid}/cgroup`, "utf8").trimEnd().split("\n");
  const line = lines.find((candidate) => {
    const names = candidate.split(":")[1] ?? "";
    return place?.version === 2 ? names === "" : names.split(",").includes(controller);
  });
  if (place === undefined || line === undefined) throw new Error(`no ${controller} controller here`);
  return place.mountPoint + line.split(":").slice(2).join(":");
}

/** A file of a process's cgroup: the first that this version of cgroups has. */
function cgroupFile(directory: string, ...names: readonly string[]): string | undefined {
  return names
    .map((name) => ifThere(() => readFileSync(`${directory}/${name}`, "utf8").trimEnd()))
    .find(Boolean);
}

/** The limits in force for a process. Unlimited is Infinity, or on version 1 more than any machine has. */
function limitsOf(pid: number) {
  const number = (text: string | undefined) => (text === "max" || text === "-1" ? Infinity : Number(text));
  const memory = cgroupOf(pid, "memory");
  const bytes = number(cgroupFile(memory, "memory.limit_in_bytes", "memory.max"));
  const both = cgroupFile(memory, "memory.memsw.limit_in_bytes"); // version 1 counts them together
  const swap = both === undefined ? cgroupFile(memory, "memory.swap.max") : Number(both) - bytes;
  const cpu = cgroupOf(pid, "cpu");
  const [quota, period] = (
    cgroupFile(cpu, "cpu.max") ??
    `${cgroupFile(cpu, "cpu.cfs_quota_us")} ${cgroupFile(cpu, "cpu.cfs_period_us")}`
  ).split(" ");
  const pids = number(cgroupFile(cgroupOf(pid, "pids"), "pids.max"));
  return { bytes, swap: Number(swap ?? 0), cpus: number(quota) / Number(period), pids };
}

/** How often the kernel has killed in a cgroup for want of memory. */
function oomKills(directory: string): number | undefined {
  return keyed(cgroupFile(directory, "memory.oom_control", "memory.events"), "oom_kill");
}

/** In which cgroups a process is. */
function cgroupsOf(pid: number): string[] {
  return CONTROLLERS.map((controller) => cgroupOf(pid, controller));
}

interface Meal {
  readonly outcome: "survived" | "killed";
  readonly oomKills: number | undefined;
  readonly finished: Finished;
}

/** Lets the command fill more memory than the fence allows, and sees what becomes of it. */
async function eat(program: readonly string[]): Promise<Meal> {
  await using running = launch([...program, ...eatMemory(HOG_MIB)]);
  const pid = await commandProcess(running, READY);
  const cgroup = cgroupOf(pid, "memory");
  running.kill("SIGSTOP"); // so that the cgroup is still there when its process is not
  process.kill(pid, "SIGUSR1");
  const outcome = await eventually("the end of the meal", () => {
    if (!isAlive(pid)) return "killed" as const;
    return nameOf(pid) === FULL ? ("survived" as const) : undefined;
  });
  if (outcome === "survived") {
    expect(Number.parseInt(readStatus(pid).get("VmRSS") ?? "", 10)).toBeGreaterThan(HOG_MIB * 1024);
  }
  const kills = oomKills(cgroup);
  running.kill("SIGCONT");
  if (outcome === "survived") running.kill("SIGTERM");
  return { outcome, oomKills: kills, finished: await running.finished() };
}

/** How many processes a command gets when it tries to have 100 children. */
async function multiply(program: readonly string[]) {
  await using running = launch([...program, ...forkMany(100)]);
  const pid = await commandProcess(running, READY);
  const cgroup = cgroupOf(pid, "pids");
  const count = housemates(pid).length;
  const counted = Number(cgroupFile(cgroup, "pids.current"));
  const refused = keyed(cgroupFile(cgroup, "pids.events"), "max");
  running.kill("SIGTERM");
  return { count, counted, refused, finished: await running.finished() };
}

/** In what part of the periods that have passed a busy command was held back. */
async function heldBack(program: readonly string[]): Promise<number> {
  await using running = launch([...program, ...keepBusy()]);
  const pid = await commandProcess(running, READY);
  const cgroup = cgroupOf(pid, "cpu");
  const count = (name: string) => keyed(cgroupFile(cgroup, "cpu.stat"), name) ?? 0;
  const before = { periods: count("nr_periods"), throttled: count("nr_throttled") };
  const ticks = processorTicks(pid);
  await eventually("half a second of processor time", () => processorTicks(pid) - ticks >= 50 || undefined);
  const periods = count("nr_periods") - before.periods;
  return periods === 0 ? 0 : (count("nr_throttled") - before.throttled) / periods;
}

for (const [name, program] of Object.entries(FENCED)) {
  limited(`${name}: the limits are in force where the command is`, async () => {
    await using running = launch([...program, "sleep", "60"]);
    const pid = await commandProcess(running, "sleep");
    expect(limitsOf(pid)).toEqual({ bytes: 64 * MIB, swap: 0, cpus: 0.5, pids: 64 });
  });

  limited(
    `${name}: the command and all its children are in the cgroup, the runtime process is not`,
    async () => {
      await using running = launch([...program, ...forkMany(3)]);
      const pid = await commandProcess(running, READY);
      const all = housemates(pid).sort();
      expect(all).toHaveLength(4);
      for (const controller of CONTROLLERS) {
        const cgroup = cgroupOf(pid, controller);
        const members = readFileSync(`${cgroup}/cgroup.procs`, "utf8").trimEnd().split("\n").map(Number);
        expect(members.sort()).toEqual(all);
        expect(cgroupOf(running.pid, controller)).toBe(cgroupOf(process.pid, controller));
        expect(cgroup).not.toBe(cgroupOf(process.pid, controller));
      }
      expect(namespaceOf(pid, "cgroup")).not.toBe(namespaceOf("self", "cgroup"));
    },
  );

  limited(`${name}: who takes more memory than the limit is killed, and the user is told`, async () => {
    const { outcome, oomKills, finished } = await eat(program);
    expect(outcome).toBe("killed");
    expect(oomKills).toBeGreaterThan(0);
    expect(finished.status).toBe(137);
    expect(finished.stderr).toMatch(/killed: out of memory \(limit 64 MiB(, peak (64|6\d\.\d) MiB)?\)/);
  });

  limited(`${name}: there are never more processes than the limit, and the user is told`, async () => {
    const { count, counted, refused, finished } = await multiply(program);
    expect([count, counted]).toEqual([64, 64]);
    expect(refused).toBe(100 - 63);
    expect(finished.stderr).toContain("new processes refused 37 times (limit 64)");
  });

  limited(`${name}: a busy command is held back`, async () => {
    expect(await heldBack(program)).toBeGreaterThan(0.3);
  });

  limited(`${name}: the cgroup is gone after the end`, async () => {
    expect(await leftCgroups(program)).toEqual([]);
  });
}

limited("on phase 3 the command is in the cgroups of the runtime process", async () => {
  await using running = launch([...UNFENCED, "sleep", "60"]);
  const pid = await commandProcess(running, "sleep");
  expect(cgroupsOf(pid)).toEqual(cgroupsOf(running.pid));
});

test("on phase 3 who takes as much memory survives", async () => {
  expect((await eat(UNFENCED)).outcome).toBe("survived");
});

test("on phase 3 there are as many processes as the command wants", async () => {
  expect((await multiply(UNFENCED)).count).toBe(101);
});

limited("crab-can run without --cpus: a busy command is not held back", async () => {
  expect(await heldBack(on("crab-can run", image.path))).toBe(0);
});

limited("crab-can run without limits: none is in force", async () => {
  await using running = launch([...on("crab-can run", image.path), "sleep", "60"]);
  const { bytes, cpus, pids } = limitsOf(await commandProcess(running, "sleep"));
  expect(bytes).toBeGreaterThan(2 ** 50);
  expect(cpus).toBe(Infinity);
  expect(pids).toBe(Infinity);
});

limited("a runtime that does not dispose of the cgroup leaves it behind", async () => {
  using phase = mutant({ file: PHASES.fence[0], text: "using cgroup =", by: "const cgroup =" });
  const left = await leftCgroups([...phase.program(PHASES.fence), image.path]);
  expect(left).not.toEqual([]);
  removeAbandonedCgroups();
  expect(left.filter((path) => existsSync(path))).toEqual([]);
});

/** The directories of a container's cgroup that are there after its end. */
async function leftCgroups(program: readonly string[]): Promise<string[]> {
  await using running = launch([...program, "sleep", "60"]);
  const cgroups = cgroupsOf(await commandProcess(running, "sleep"));
  expect(cgroups.filter((path) => existsSync(path))).toEqual(cgroups);
  running.kill("SIGTERM");
  await running.finished();
  return cgroups.filter((path) => existsSync(path));
}
