import { afterAll, expect } from "bun:test";
import { readlinkSync, statSync } from "node:fs";
import { readMounts } from "../../src/linux/mountinfo.ts";
import { namespaceOf } from "../../src/linux/proc.ts";
import { housemates, ifThere, innerPid, isAlive, nameOf, numbersIn } from "../support/host-view.ts";
import { on, RUNGS, rungsFrom } from "../support/ladder.ts";
import { commandProcess, descendants, eventually, launch, PHASES } from "../support/launch.ts";
import { keepLedger } from "../support/ledger.ts";
import { mutant } from "../support/mutant.ts";
import { test } from "../support/privileged.ts";
import { forkMany, READY } from "../support/programs.ts";
import { temporaryRootfs } from "../support/rootfs.ts";

keepLedger();
const image = temporaryRootfs();
afterAll(image.remove);

/** The command and two children of its. */
const THREE = forkMany(2);

/** What `ps` inside has to show: all processes of the command's PID namespace, by their numbers there. */
function present(pid: number): number[] {
  return housemates(pid).map(innerPid).sort(ascending);
}

/** What `ps` inside shows: the numbers in the /proc that the process sees. */
function listed(pid: number): number[] {
  return numbersIn(`/proc/${pid}/root/proc`).sort(ascending);
}

/** Whether the /proc that a process sees is the very one the host sees. */
function seesHostProc(pid: number): boolean {
  return statSync(`/proc/${pid}/root/proc`).dev === statSync("/proc").dev;
}

function ascending(one: number, other: number): number {
  return one - other;
}

for (const rung of rungsFrom("phase 2")) {
  test(`${rung}: the command itself is PID 1 of a process table of its own`, async () => {
    await using running = launch([...on(rung, image.path), "sleep", "60"]);
    const pid = await commandProcess(running, "sleep");
    expect(innerPid(pid)).toBe(1);
    expect(namespaceOf(pid, "pid")).not.toBe(namespaceOf("self", "pid"));
    expect(descendants(running.pid)).toEqual([pid]); // nothing stands between the runtime process and it
    expect(namespaceOf(running.pid, "pid")).toBe(namespaceOf("self", "pid"));
  });

  test(`${rung}: only the container's own processes are seen inside`, async () => {
    await using running = launch([...on(rung, image.path), ...THREE]);
    const pid = await commandProcess(running, READY);
    expect(present(pid)).toHaveLength(3);
    expect(listed(pid)).toEqual(present(pid));
  });

  test(`${rung}: the /proc inside is one of its own, in which the host has no number`, async () => {
    await using running = launch([...on(rung, image.path), "sleep", "60"]);
    const pid = await commandProcess(running, "sleep");
    expect(seesHostProc(pid)).toBe(false);
    expect(readMounts(pid).findLast(({ mountPoint }) => mountPoint === "/proc")?.type).toBe("proc");
    expect(readlinkSync(`/proc/${pid}/root/proc/1/ns/pid`)).toBe(namespaceOf(pid, "pid"));
    // "self" is whoever looks: we are looking, and we are not in there.
    expect(() => readlinkSync(`/proc/${pid}/root/proc/self`)).toThrow("ENOENT");
  });

  test(`${rung}: a process of the host cannot be killed from inside`, async () => {
    expect(await survivesKill(on(rung, image.path))).toBe(true);
  });

  test(`${rung}: when PID 1 ends, the processes it has left in the background end with it`, async () => {
    expect(await outliveTheCommand(on(rung, image.path))).toBe(0);
  });
}

test("on phase 1 the command is a process among all others, and sees them", async () => {
  await using running = launch([...on("phase 1", image.path), ...THREE]);
  const pid = await commandProcess(running, READY);
  expect(innerPid(pid)).not.toBe(1);
  expect(namespaceOf(pid, "pid")).toBe(namespaceOf("self", "pid"));
  expect(listed(pid)).toContain(process.pid);
  expect(seesHostProc(pid)).toBe(true);
});

test("without a /proc of its own phase 2 shows the host's process table", async () => {
  using phase = mutant({ file: "phases/2-isolation.ts", text: 'mountProc("/proc");', by: "" });
  await using running = launch([...phase.program(PHASES.isolation), ...THREE]);
  const pid = await commandProcess(running, READY);
  expect(present(pid)).toHaveLength(3);
  expect(listed(pid)).toContain(process.pid);
  expect(seesHostProc(pid)).toBe(true);
});

test("on phase 1 a process of the host can be killed", async () => {
  expect(await survivesKill(on("phase 1", image.path))).toBe(false);
});

test("on phase 1 background processes outlive the command", async () => {
  expect(await outliveTheCommand(on("phase 1", image.path))).toBe(2);
});

test("the namespaces that a container leaves are left by all of its processes", async () => {
  for (const rung of RUNGS) {
    await using running = launch([...on(rung, image.path), ...THREE]);
    const pid = await commandProcess(running, READY);
    for (const name of ["pid", "mnt", "uts", "ipc", "net"] as const) {
      const isOwn = namespaceOf(pid, name) !== namespaceOf("self", name);
      expect({ rung, name, isOwn }).toEqual({ rung, name, isOwn: rung !== "phase 1" });
      for (const child of descendants(pid)) expect(namespaceOf(child, name)).toBe(namespaceOf(pid, name));
      expect(namespaceOf(running.pid, name)).toBe(namespaceOf("self", name));
    }
  }
});

/** Whether a process of the host is still there after a container has tried to kill it by its number. */
async function survivesKill(program: readonly string[]): Promise<boolean> {
  await using victim = Bun.spawn(["sleep", "60"]);
  await using running = launch([...program, "bash", "-c", `kill -KILL ${victim.pid}`]);
  await running.finished();
  // Bun waits for its children by itself: a dead one has an exit by now, or soon.
  await Promise.race([victim.exited, Bun.sleep(200)]);
  return isAlive(victim.pid);
}

/** How many of two background processes are there after the command has ended by itself. They are then ended. */
async function outliveTheCommand(program: readonly string[]): Promise<number> {
  await using running = launch([
    ...program,
    ...["bash", "-c", "trap 'exit 3' USR1; sleep 60 >&- 2>&- & sleep 60 >&- 2>&- & wait"],
  ]);
  const background = await eventually("two processes in the background", () => {
    const sleeps = descendants(running.pid).filter(
      (pid) => nameOf(pid) === "sleep" && ifThere(() => innerPid(pid)) !== 1,
    );
    return sleeps.length === 2 ? sleeps : undefined;
  });
  running.kill("SIGUSR1");
  expect((await running.finished()).status).toBe(3);
  const alive = background.filter(isAlive);
  for (const survivor of alive) process.kill(survivor, "SIGKILL");
  return alive.length;
}
