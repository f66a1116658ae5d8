import { afterAll, expect } from "bun:test";
import { CONTROLLERS } from "../../src/linux/cgroup/detect.ts";
import { commandProcess, launch, launchAndWait, PHASES, RUN } from "../support/launch.ts";
import { keepLedger } from "../support/ledger.ts";
import { IN_VM, needing, test } from "../support/privileged.ts";
import { temporaryRootfs } from "../support/rootfs.ts";

keepLedger();
const image = temporaryRootfs();
afterAll(image.remove);

// In the virtual machine every run takes seconds: a sample of the stress has to do there.
const IN_A_ROW = IN_VM ? 10 : 200;
const AT_ONCE = IN_VM ? 8 : 20;
const QUIET = { stdout: "", stderr: "", status: 0 };

needing("memory")(`${IN_A_ROW} runs in a row all work and leave nothing`, async () => {
  for (let run = 0; run < IN_A_ROW; run++) {
    expect(await launchAndWait([...RUN, "--memory", "64M", image.path, "true"])).toEqual(QUIET);
  }
});

needing("memory")(`${AT_ONCE} at once all work and leave nothing`, async () => {
  const runs = Array.from({ length: AT_ONCE }, (_, index) =>
    launchAndWait([...RUN, "--memory", "64M", image.path, "sh", "-c", `exit ${index}`]),
  );
  expect((await Promise.all(runs)).map(({ status }) => status)).toEqual(runs.map((_, index) => index));
});

needing(...CONTROLLERS)(`${AT_ONCE} of phase 4 at once do not get in each other's way`, async () => {
  const runs = Array.from({ length: AT_ONCE }, () => launchAndWait([...PHASES.fence, image.path, "true"]));
  expect(await Promise.all(runs)).toEqual(runs.map(() => QUIET));
});

test("a name is in use as long as its container lives, and free afterwards", async () => {
  await using first = launch([...RUN, "--name", "only-one", image.path, "sleep", "60"]);
  await commandProcess(first, "sleep");
  const second = await launchAndWait([...RUN, "--name", "only-one", image.path, "true"]);
  expect(second.stderr).toContain("error[CAN-032]");
  expect(second.status).toBe(125);
  first.kill("SIGTERM");
  await first.finished();
  expect((await launchAndWait([...RUN, "--name", "only-one", image.path, "true"])).status).toBe(0);
});
