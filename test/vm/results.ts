// What came out of the guest, and what it means for the exit status.

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { lastLines } from "./command.ts";
import type { Ending } from "./qemu.ts";

/** The counts of a JUnit file. */
export interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

/** Reads the totals from the root element of the JUnit file that bun writes. */
export function readCounts(junit: string): Counts {
  const root = /<testsuites\b[^>]*>/.exec(junit)?.[0];
  if (root === undefined) throw new Error("the tests' report has no <testsuites> element");
  const attribute = (name: string) => {
    const value = new RegExp(`\\b${name}="(\\d+)"`).exec(root)?.[1];
    if (value === undefined)
      throw new Error(`the tests' report does not say how many ${name} there are: ${root}`);
    return Number(value);
  };
  const failed = attribute("failures");
  const skipped = attribute("skipped");
  return { passed: attribute("tests") - failed - skipped, failed, skipped };
}

export interface Verdict {
  /** Why the run counts as failed, beyond failed tests. */
  problem?: string;
  counts?: Counts;
}

/** Judges a run by the files in its results folder. */
export function judge({ results, ending }: { results: string; ending: Ending }): Verdict {
  const status = readIfThere(join(results, "status"))?.trim();
  const junit = readIfThere(join(results, "junit.xml"));
  if (ending === "time limit" || status === "timeout") return { problem: "the time limit is over" };
  if (status === undefined) return { problem: "the machine stopped before the tests had ended" };
  if (junit === undefined) return { problem: `the tests left no report (bun test: ${status})` };
  const counts = readCounts(junit);
  if (counts.passed + counts.failed === 0) return { counts, problem: "no test ran" };
  // An error outside of any test fails the run though no test failed.
  if (status !== "exit 0" && counts.failed === 0) return { counts, problem: `bun test: ${status}` };
  return { counts };
}

/** The end of what the guest's kernel said, for a run that went wrong. */
export function consoleTail(consoleLog: string): string {
  const text = readIfThere(consoleLog)?.replaceAll("\r", "") ?? "";
  return text.trim() === "" ? "(the console stayed empty)" : lastLines(text, 40);
}

function readIfThere(path: string): string | undefined {
  return existsSync(path) ? readFileSync(path, "utf8") : undefined;
}
