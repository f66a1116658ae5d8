/** --explain tells what was really asked of the kernel: strace is the witness. */
import { afterAll, expect } from "bun:test";
import { readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { on, RUNGS, type Rung } from "../support/ladder.ts";
import { launchAndWait } from "../support/launch.ts";
import { keepLedger } from "../support/ledger.ts";
import { test } from "../support/privileged.ts";
import { temporaryRootfs } from "../support/rootfs.ts";

keepLedger();
const image = temporaryRootfs();
const trace = `${tmpdir()}/trace-${process.pid}`;
afterAll(() => {
  image.remove();
  rmSync(trace, { force: true });
});

/** Calls that only we make: Bun itself, libc and the command have no use for them. */
const WITNESSED =
  "unshare setns mount umount2 pivot_root sethostname mount_setattr openat2 capset setresuid".split(" ");

/** For `run` the option stands behind the verb. */
function withExplain(rung: Rung): string[] {
  const words = on(rung, image.path);
  const at = words[1] === "run" ? 2 : 1;
  return [...words.slice(0, at), "--explain", ...words.slice(at)];
}

for (const rung of RUNGS) {
  test(`${rung} --explain: stdout is the command's alone, and every call is told with its result`, async () => {
    const { stdout, stderr, status } = await launchAndWait([...withExplain(rung), "echo", "its own"]);
    expect({ stdout, status }).toEqual({ stdout: "its own\n", status: 0 });
    const calls = stderr.split("\n").filter((line) => /^(outside|inside) /.test(line));
    expect(calls.length).toBeGreaterThan(5);
    for (const line of calls)
      expect(line).toMatch(/^(outside|inside ) +\d+ \w+\(.*\)( = -?\d+( E[A-Z0-9]+)?)?$/);
  });

  test(`${rung} --explain: the calls that are told are those that strace saw, in the same order`, async () => {
    const through = ["strace", "-f", "-qq", "-o", trace, "-e", `trace=${WITNESSED.join(",")}`];
    const { stderr } = await launchAndWait([...withExplain(rung), "true"], { through });
    const told = [...stderr.matchAll(/^(?:outside|inside) +\d+ (\w+)\(.*\) = /gm)].map(
      ([, name]) => name ?? "",
    );
    const seen = [...readFileSync(trace, "utf8").matchAll(/^\d+ +(\w+)\(/gm)].map(([, name]) => name ?? "");
    const witnessed = (names: readonly string[]) => names.filter((name) => WITNESSED.includes(name));
    expect(witnessed(told)).toEqual(witnessed(seen));
    if (rung !== "phase 1") expect(witnessed(seen).length).toBeGreaterThan(4);
  });
}
