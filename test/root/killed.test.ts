import { afterAll, expect } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { PARENT } from "../../src/linux/cgroup/cgroup.ts";
import { detectCgroups } from "../../src/linux/cgroup/detect.ts";
import { subdirectories } from "../../src/linux/cgroup/directory.ts";
import { on, rungsFrom } from "../support/ladder.ts";
import { commandProcess, eventually, launch, launchAndWait, PHASES, RUN } from "../support/launch.ts";
import { keepLedger } from "../support/ledger.ts";
import { IN_VM, needing, test } from "../support/privileged.ts";
import { temporaryRootfs } from "../support/rootfs.ts";

keepLedger();
const image = temporaryRootfs();
afterAll(image.remove);

// In the virtual machine every run takes seconds: a sample of the stress has to do there.
const KILLS = IN_VM ? 12 : 50;

function abandonedCgroups(): string[] {
  const parents = new Set(
    [...detectCgroups().controllers.values()].map((place) => `${place.mountPoint}/${PARENT}`),
  );
  return [...parents].flatMap((parent) => subdirectories(parent).map((name) => `${parent}/${name}`));
}

needing("memory")(
  `killed with SIGKILL at ${KILLS} random moments, the next run finds and removes what was left`,
  async () => {
    // The moments are spread over all that a run does, and a little beyond.
    const startedAt = performance.now();
    await launchAndWait([...RUN, "--memory", "64M", image.path, "true"]);
    const spreadMs = (performance.now() - startedAt) * 1.2;
    let leftSometimes = 0;
    for (let kill = 0; kill < KILLS; kill++) {
      await using running = launch([...RUN, "--memory", "64M", image.path, "sleep", "60"]);
      await Bun.sleep(Math.random() * spreadMs);
      running.kill("SIGKILL");
      await running.finished();
      if (abandonedCgroups().length > 0) leftSometimes++;
    }
    // Otherwise no moment was caught in which there was anything to leave, and the test has shown nothing.
    expect(leftSometimes).toBeGreaterThan(0);
    const next = await launchAndWait([...RUN, image.path, "true"]);
    expect(next).toEqual({ stdout: "", stderr: "", status: 0 });
    expect(abandonedCgroups()).toEqual([]);
  },
);

test("when the runtime process is killed, the container's processes die with it", async () => {
  for (const program of rungsFrom("phase 2").map((rung) => on(rung, image.path))) {
    await using running = launch([...program, "sleep", "60"]);
    const pid = await commandProcess(running, "sleep");
    running.kill("SIGKILL");
    await eventually(`the end of ${pid}`, () => !isAlive(pid) || undefined);
  }
  await launchAndWait([...RUN, image.path, "true"]); // sweeps
});

test("it dies too when it runs as another user: a change of user undoes the death signal, so it is set again", async () => {
  await using running = launch([...RUN, "--user", "65534", image.path, "sleep", "60"]);
  const pid = await commandProcess(running, "sleep");
  running.kill("SIGKILL");
  await eventually(`the end of ${pid}`, () => !isAlive(pid) || undefined);
  await launchAndWait([...RUN, image.path, "true"]);
});

test("on phase 1 nothing ties the child to its parent: it outlives it", async () => {
  await using running = launch([...PHASES.spawn, "sleep", "60"]);
  const pid = await commandProcess(running, "sleep");
  running.kill("SIGKILL");
  await eventually(`the end of ${running.pid}`, () => !isAlive(running.pid) || undefined);
  await Bun.sleep(200);
  expect(isAlive(pid)).toBe(true);
  process.kill(pid, "SIGKILL");
});

test("a sweep leaves the cgroup of a living container alone", async () => {
  await using running = launch([...RUN, "--name", "sweep-me-not", image.path, "sleep", "60"]);
  const pid = await commandProcess(running, "sleep");
  const cgroups = readFileSync(`/proc/${pid}/cgroup`, "utf8");
  await launchAndWait([...RUN, image.path, "true"]);
  expect(isAlive(pid)).toBe(true);
  expect(readFileSync(`/proc/${pid}/cgroup`, "utf8")).toBe(cgroups);
  running.kill("SIGTERM");
  expect((await running.finished()).status).toBe(143);
});

function isAlive(pid: number): boolean {
  if (!existsSync(`/proc/${pid}`)) return false;
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}
