// `npm run test:vm`: the repository's tests on another kernel, or another architecture, in an emulated machine.

import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { chooseAccelerator } from "./accelerator.ts";
import { hostArchitecture } from "./architecture.ts";
import { cache, repository } from "./cache.ts";
import { say } from "./command.ts";
import { prepareBun, prepareRoot } from "./foreign-root.ts";
import { ensureHostTools } from "./host-tools.ts";
import { guestResults, packInitramfs } from "./initramfs.ts";
import { prepareKernel } from "./kernel.ts";
import { type Options, parseOptions, usage } from "./options.ts";
import { type Ending, runMachine, type Share } from "./qemu.ts";
import { consoleTail, judge } from "./results.ts";

/** Emulation is 10 to 50 times slower than the machine bun's own five seconds are meant for. */
const oneTestTimeoutMs = 300_000;
/** The guest ends a hang itself and tells what hung; this is for a guest that no longer can. */
const graceMs = 20_000;

async function main(): Promise<number> {
  if (process.argv.includes("--help")) {
    console.log(usage);
    return 0;
  }
  const options = parseOptions(process.argv.slice(2));
  const folder = emptyRunFolder(options);
  await ensureHostTools(options.architecture);
  const ending = await bootAndTest(options, folder);
  return report(folder, ending);
}

/** One folder for each kind of run, so that the logs of the last one can be looked at. */
function emptyRunFolder({ architecture, kernel, memoryController }: Options): string {
  const name = [architecture, kernel, ...(memoryController ? [] : ["no-memory"])].join("-");
  const folder = join(cache, "runs", name);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(join(folder, "results"), { recursive: true });
  return folder;
}

async function bootAndTest(options: Options, folder: string): Promise<Ending> {
  const { architecture, timeoutMs } = options;
  const kernel = await prepareKernel(architecture, options.kernel);
  const foreign = architecture !== hostArchitecture();
  const shares: Share[] = [
    { tag: "root", folder: foreign ? await prepareRoot(architecture) : "/", writable: false },
    { tag: "repo", folder: repository, writable: false },
    { tag: "results", folder: join(folder, "results"), writable: true },
  ];
  if (foreign) shares.push({ tag: "bun", folder: await prepareBun(architecture), writable: false });

  const accelerator = await chooseAccelerator({ architecture, kernel, folder });
  const initramfs = await packInitramfs({
    kernel,
    folder,
    settings: { architecture, bunShared: foreign, timeLimitMs: timeoutMs, testCommand: testCommand(options) },
  });
  const memory = options.memoryController ? "" : ", without the memory controller";
  say(`booting Linux ${kernel.release} on ${architecture} (${accelerator})${memory}`);
  return runMachine({
    machine: {
      ...{ architecture, accelerator, kernel, initramfs, shares },
      kernelArguments: options.memoryController ? [] : ["cgroup_disable=memory"],
      consoleLog: join(folder, "console.log"),
    },
    output: join(folder, "results/output.log"),
    timeoutMs: timeoutMs + graceMs,
  });
}

function testCommand({ testArguments }: Options): string[] {
  return [
    ...["node_modules/.bin/bun", "test", "--timeout", `${oneTestTimeoutMs}`],
    ...["--reporter=junit", `--reporter-outfile=${guestResults}/junit.xml`],
    ...testArguments,
  ];
}

/** Prints how it went, the counts last, and returns the exit status. */
function report(folder: string, ending: Ending): number {
  const { problem, counts } = judge({ results: join(folder, "results"), ending });
  if (problem !== undefined) {
    const consoleLog = join(folder, "console.log");
    if (counts === undefined)
      console.error(`\n--- end of the guest's console ---\n${consoleTail(consoleLog)}\n---`);
    say(`failed: ${problem}`);
  }
  say(`logs and report: ${folder}`);
  if (counts === undefined) return 1;
  console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
  return problem === undefined && counts.failed === 0 ? 0 : 1;
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(error instanceof Error ? `error: ${error.message}` : error);
  process.exitCode = 1;
}
