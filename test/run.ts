/**
 * The test runner: `bun test/run.ts [unit|root] [-- more bun test arguments]`.
 *
 * Runs what can run on this machine (support/preload.ts says what could not). Its last line is always the count, so that whoever
 * runs it (a person, CI) needs to read no other. The tests in test/vm have a runner of their own.
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { CanError, EXIT, formatCanError } from "../src/can-error.ts";
import { usageError } from "../src/command-line.ts";
import { demandRoot } from "../src/diagnostics/root.ts";
import { CONTROLLERS, detectCgroups } from "../src/linux/cgroup/detect.ts";
import { IS_ROOT } from "./support/privileged.ts";
import { type Count, readReport, sum } from "./support/unit-junit.ts";

type Part = "unit" | "root";

const REPOSITORY = join(import.meta.dir, "..");
const NAME = "test/run.ts";
/** A privileged test boots containers, waits for the kernel's out-of-memory killer, sweeps cgroups. */
const ROOT_TIMEOUT_MS = 120_000;
const UNIT_TIMEOUT_MS = 30_000;

async function main(words: readonly string[]): Promise<number> {
  const { parts, more } = chooseParts(words);
  const counts: Count[] = [];
  for (const part of parts) counts.push(await runPart(part, more));
  const total = sum(counts);
  // With arguments of the user's own, such as -t, skips are what was asked for.
  const unasked = more.length === 0 ? total.skippedNames : [];
  for (const name of unasked) say(`skipped: ${name}`);
  const wronglySkipped = unasked.length > 0 && nothingExcusesSkips();
  console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
  return total.passed > 0 && total.failed === 0 && !wronglySkipped ? 0 : 1;
}

function chooseParts(words: readonly string[]): { parts: readonly Part[]; more: readonly string[] } {
  const separator = words.indexOf("--");
  const own = separator < 0 ? words : words.slice(0, separator);
  const more = separator < 0 ? [] : words.slice(separator + 1);
  const [part, ...rest] = own;
  if (rest.length > 0 || (part !== undefined && part !== "unit" && part !== "root")) {
    throw usageError(NAME, `cannot understand ${own.join(" ")}`, [
      `bun ${NAME} [unit|root] [-- bun test arguments]`,
    ]);
  }
  if (part === "root") demandRoot();
  if (part !== undefined) return { parts: [part], more };
  return { parts: IS_ROOT ? ["unit", "root"] : ["unit"], more };
}

/** Runs `bun test` over one folder, its output shown as it comes. */
async function runPart(part: Part, more: readonly string[]): Promise<Count> {
  const folder = join("test", part);
  const directory = mkdtempSync(join(tmpdir(), "test-report-"));
  const report = join(directory, "junit.xml");
  const timeout = part === "root" ? ROOT_TIMEOUT_MS : UNIT_TIMEOUT_MS;
  const child = Bun.spawn({
    cmd: [
      ...[process.execPath, "test", `./${folder}`, "--timeout", String(timeout)],
      ...["--reporter=junit", `--reporter-outfile=${report}`, ...more],
    ],
    cwd: REPOSITORY,
    stdio: ["inherit", "inherit", "inherit"],
  });
  const status = await child.exited;
  const text = existsSync(report) ? readFileSync(report, "utf8") : undefined;
  rmSync(directory, { recursive: true });
  const ending = String(child.signalCode ?? `status ${status}`);
  if (text === undefined) {
    say(`bun test ${folder} left no report (${ending}): its tests count as failed`);
    return { passed: 0, failed: 1, skipped: 0, skippedNames: [] };
  }
  return withUnreported(readReport(text), { text, folder, status, ending, complete: more.length === 0 });
}

/** A file that cannot be loaded fails, yet is in no report: bun's status and the missing name give it away. */
function withUnreported(
  count: Count,
  run: { text: string; folder: string; status: number; ending: string; complete: boolean },
): Count {
  if (run.status === 0) return count;
  const unreported = run.complete
    ? testFiles(run.folder).filter((path) => !run.text.includes(`file="${path}"`))
    : [];
  for (const path of unreported) say(`${path} is not in the report: it counts as failed`);
  const failed = count.failed + unreported.length;
  if (failed > 0) return { ...count, failed };
  say(`bun test ${run.folder} ended with ${run.ending}, though its report has no failure: FAILED`);
  return { ...count, failed: 1 };
}

function testFiles(folder: string): string[] {
  const root = join(REPOSITORY, folder);
  return readdirSync(root, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".test.ts"))
    .map((name) => relative(REPOSITORY, join(root, name)));
}

/** With root and every controller there is nothing that could not run, so a skip is a hole. */
function nothingExcusesSkips(): boolean {
  if (!IS_ROOT) return false;
  const { controllers } = detectCgroups();
  const missing = CONTROLLERS.filter((name) => !controllers.has(name));
  if (missing.length > 0) {
    say(`this machine has no ${missing.join(", no ")} controller, so a skip is no failure here`);
    return false;
  }
  say("this is root with every controller, so nothing had to be skipped: FAILED");
  return true;
}

function say(text: string): void {
  console.error(text);
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof CanError)) throw error;
  say(formatCanError(error).trimEnd());
  process.exitCode = EXIT.failed;
}
