/** A machine without the memory controller: what is missing is said, nothing crashes, the rest works. */
import { afterAll, test as anyTest, expect } from "bun:test";
import { examine, thisMachine } from "../../src/diagnostics/doctor.ts";
import { detectCgroups } from "../../src/linux/cgroup/detect.ts";
import { launchAndWait, PHASES, RUN } from "../support/launch.ts";
import { keepLedger } from "../support/ledger.ts";
import { temporaryRootfs } from "../support/rootfs.ts";

keepLedger();
const image = temporaryRootfs();
afterAll(image.remove);

const isMissing = !detectCgroups().controllers.has("memory");
const test = isMissing
  ? anyTest
  : (name: string, body: () => Promise<void>) =>
      anyTest.skip(`${name} (skipped: the memory controller is there)`, body);

test("doctor says which controller is missing, and exits 1", async () => {
  const finding = examine(thisMachine()).find(({ topic }) => topic === "controllers");
  expect(finding).toMatchObject({ verdict: "missing", means: "no limit for memory; everything else works" });
  expect((await launchAndWait(["src/cli/main.ts", "doctor"])).status).toBe(1);
});

for (const [name, program] of Object.entries({
  "phase 4": PHASES.fence,
  "crab-can run": [...RUN, "--memory", "64M"],
})) {
  test(`${name}: a memory limit that cannot be set is an error, and the command does not run`, async () => {
    const { status, stdout, stderr } = await launchAndWait([...program, image.path, "echo", "ran"]);
    expect({ status, stdout }).toEqual({ status: 125, stdout: "" });
    expect(stderr).toStartWith("error[CAN-030]: this machine has no memory controller");
  });
}

test("the limits whose controllers are there still hold", async () => {
  const script = "cat /sys/fs/cgroup/pids.max /sys/fs/cgroup/cpu.max; ls /sys/fs/cgroup/memory.max";
  const { stdout } = await launchAndWait([
    ...RUN,
    "--pids",
    "17",
    "--cpus",
    "0.5",
    image.path,
    "sh",
    "-c",
    script,
  ]);
  expect(stdout).toBe("17\n50000 100000\n");
});

test("phases 1 to 3 and a run without limits work", async () => {
  expect((await launchAndWait([...PHASES.spawn, "true"])).status).toBe(0);
  expect((await launchAndWait([...PHASES.isolation, "true"])).status).toBe(0);
  expect((await launchAndWait([...PHASES.jail, image.path, "true"])).status).toBe(0);
  expect((await launchAndWait([...RUN, image.path, "true"])).status).toBe(0);
});
