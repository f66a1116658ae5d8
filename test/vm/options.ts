// What the command line of the VM run says.

import { type Architecture, hostArchitecture, isArchitecture } from "./architecture.ts";

/** A run of the tests in a virtual machine, as asked for. */
export interface Options {
  architecture: Architecture;
  /** The beginning of a kernel version: "6.1" finds 6.1.176, not 6.12. */
  kernel: string;
  /** Boot without the memory controller, as some cloud and board kernels do. */
  memoryController: boolean;
  timeoutMs: number;
  /** Handed to `bun test` as they are. */
  testArguments: string[];
}

export const usage = `usage: npm run test:vm -- [OPTIONS] [--] [FILTER...]

  --arch x64|arm64           machine to emulate (this machine's own)
  --kernel VERSION           a Debian kernel that starts with VERSION (6.1)
  --no-memory-controller     boot with cgroup_disable=memory
  --timeout SECONDS          end a run that hangs (2400)
  FILTER...                  for bun test: paths, or -t PATTERN (test/unit test/root test/vm)

The environment may name CRAB_CAN_VM_CACHE, a folder to keep downloads in instead of .cache/vm,
and CRAB_CAN_DEBIAN_MIRROR, the Debian mirror to use where apt is not set up with one.`;

const defaultTests = ["test/unit", "test/root", "test/vm"];

/** Reads the command line; throws an Error that says what is wrong with it. */
export function parseOptions(commandLine: readonly string[]): Options {
  const options: Options = {
    architecture: hostArchitecture(),
    kernel: "6.1",
    memoryController: true,
    timeoutMs: 2_400_000,
    testArguments: [],
  };
  const rest = [...commandLine];
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (word === "--") {
      options.testArguments.push(...rest.splice(0));
    } else if (word === "--arch") {
      options.architecture = readArchitecture(rest.shift());
    } else if (word === "--kernel") {
      options.kernel = readKernel(rest.shift());
    } else if (word === "--no-memory-controller") {
      options.memoryController = false;
    } else if (word === "--timeout") {
      options.timeoutMs = readSeconds(rest.shift()) * 1000;
    } else if (word === "-t") {
      options.testArguments.push(word, ...rest.splice(0, 1));
    } else if (word.startsWith("-")) {
      throw new Error(`unknown option ${word}\n\n${usage}`);
    } else {
      options.testArguments.push(word);
    }
  }
  if (!namesPaths(options.testArguments)) options.testArguments.push(...defaultTests);
  return options;
}

/** `-t PATTERN` alone chooses among all tests, so the folders still have to be named. */
function namesPaths(testArguments: readonly string[]): boolean {
  return testArguments.some((word, index) => !word.startsWith("-") && testArguments[index - 1] !== "-t");
}

function readArchitecture(word: string | undefined): Architecture {
  if (isArchitecture(word)) return word;
  throw new Error(`--arch wants x64 or arm64, not ${word ?? "nothing"}`);
}

function readKernel(word: string | undefined): string {
  if (word !== undefined && /^[0-9]+(\.[0-9]+)*$/.test(word)) return word;
  throw new Error(`--kernel wants a version such as 6.1, not ${word ?? "nothing"}`);
}

function readSeconds(word: string | undefined): number {
  const seconds = Number(word);
  if (Number.isInteger(seconds) && seconds > 0) return seconds;
  throw new Error(`--timeout wants a whole number of seconds, not ${word ?? "nothing"}`);
}
