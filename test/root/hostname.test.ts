import { expect } from "bun:test";
import { hostname } from "node:os";
import { namespaceOf } from "../../src/linux/proc.ts";
import { commandProcess, launch, PHASES } from "../support/launch.ts";
import { keepLedger } from "../support/ledger.ts";
import { test } from "../support/privileged.ts";

keepLedger();

test("the hostname inside is the container's, the host keeps its own", async () => {
  const before = hostname();
  await using running = launch([...PHASES.isolation, "--hostname", "crab", "sleep", "60"]);
  const pid = await commandProcess(running, "sleep");
  expect(namespaceOf(pid, "uts")).not.toBe(namespaceOf("self", "uts"));
  expect(hostname()).toBe(before);
});

test("on phase 1 there is no hostname of its own", async () => {
  await using running = launch([...PHASES.spawn, "sleep", "60"]);
  const pid = await commandProcess(running, "sleep");
  expect(namespaceOf(pid, "uts")).toBe(namespaceOf("self", "uts"));
});
