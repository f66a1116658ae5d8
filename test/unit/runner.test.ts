/** The test runner itself: what it counts, and that a hole in the tests cannot pass for success. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { BUN, ROOT } from "../support/launch.ts";
import { readReport, sum } from "../support/unit-junit.ts";

setDefaultTimeout(60_000);

const REPORT = `<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="bun test" tests="99" failures="0" skipped="0">
  <testsuite name="a.test.ts" file="a.test.ts">
    <testsuite name="inner">
      <testcase name="a &gt; b" classname="inner" file="a.test.ts" />
      <testcase name="fails &lt;failure&gt;" classname="inner" file="a.test.ts">
        <failure type="AssertionError" message="&lt;skipped /&gt;">text &lt;/testcase&gt;</failure>
      </testcase>
      <testcase name="throws" file="a.test.ts"><error message="x" /></testcase>
    </testsuite>
    <testcase name="it&apos;s &#228; &quot;skip&quot;" classname="" file="a.test.ts">
      <skipped />
    </testcase>
    <testcase name="later" classname="inner" file="a.test.ts"><skipped message="TODO" /></testcase>
  </testsuite>
</testsuites>`;

test("test cases are counted one by one, whatever the sums in the report say", () => {
  expect(readReport(REPORT)).toEqual({
    passed: 1,
    failed: 2,
    skipped: 2,
    skippedNames: [`a.test.ts: it's ä "skip"`, "a.test.ts: inner: later"],
  });
  expect(readReport("")).toEqual({ passed: 0, failed: 0, skipped: 0, skippedNames: [] });
});

test("the counts of several reports are added up", () => {
  const count = readReport(REPORT);
  expect(sum([count, count])).toMatchObject({ passed: 2, failed: 4, skipped: 4 });
  expect(sum([])).toMatchObject({ passed: 0, failed: 0, skipped: 0 });
});

describe("bun test/run.ts", () => {
  async function runner(...words: readonly string[]) {
    const child = Bun.spawn([BUN, "test/run.ts", ...words], { cwd: ROOT, stdout: "pipe", stderr: "pipe" });
    const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
    return { exitCode: await child.exited, last: stdout.trimEnd().split("\n").at(-1), stderr };
  }

  test.concurrent("ends with the count alone on the last line", async () => {
    const { exitCode, last } = await runner("unit", "--", "-t", "reads the example of proc_pid_mountinfo");
    expect(last).toMatch(/^1 passed, 0 failed, \d+ skipped$/);
    expect(exitCode).toBe(0);
  });

  test.concurrent("fails when no test ran", async () => {
    const { exitCode, last } = await runner("unit", "--", "-t", "no test has this name");
    expect(last).toMatch(/^0 passed, \d+ failed, \d+ skipped$/);
    expect(exitCode).toBe(1);
  });

  test.concurrent("fails and says so when bun test leaves no report", async () => {
    const { exitCode, last, stderr } = await runner("unit", "--", "--preload", "./no-such-file.ts");
    expect(last).toMatch(/^0 passed, [1-9]\d* failed, 0 skipped$/);
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/left no report|not in the report|has no failure/);
  });

  test.concurrent("refuses what it does not know", async () => {
    for (const words of [["all"], ["unit", "root"], ["--bogus"]]) {
      const { exitCode, stderr } = await runner(...words);
      expect([exitCode, stderr.split(":")[0]]).toEqual([125, "error[CAN-002]"]);
    }
  });
});
