/** `test` for what needs root, a controller, or a machine that may be broken. What cannot run says why. */
import { test as anyTest } from "bun:test";
import { type Controller, detectCgroups } from "../../src/linux/cgroup/detect.ts";

export const IS_ROOT = process.geteuid?.() === 0;
export const IN_VM = process.env.CRAB_CAN_VM === "1";

type Body = () => void | Promise<void>;
type Test = (name: string, body: Body, timeoutMs?: number) => void;

/** Needs root. */
export const test: Test = IS_ROOT ? anyTest : skipping("needs root");

/** Needs root and these cgroup controllers. */
export function needing(...controllers: readonly Controller[]): Test {
  const missing = missingOf(controllers);
  return missing.length === 0 ? test : skipping(`this machine has no ${missing.join(", ")} controller`);
}

function missingOf(controllers: readonly Controller[]): Controller[] {
  const { controllers: there } = detectCgroups();
  return controllers.filter((name) => !there.has(name));
}

/** Could break the machine, so it runs in the virtual one only: `npm run test:vm`. */
export const dangerous: Test = IN_VM ? test : skipping("would be dangerous outside the virtual machine");

function skipping(reason: string): Test {
  return (name, body) => anyTest.skip(`${name} (skipped: ${reason})`, body);
}
