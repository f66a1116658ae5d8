/** The harness of the phases: reads their command line, runs the right side, turns errors into words. */
import { type OptionSpec, parseCommandLine, usageError } from "./command-line.ts";
import { explainFailure } from "./diagnostics/explain.ts";
import { demandRoot } from "./diagnostics/root.ts";
import { directoryImage } from "./image/directory.ts";
import { programArguments } from "./libc/bytes.ts";
import { type Limits, parseLimits } from "./linux/cgroup/limits.ts";
import { isInitSide, receiveJob } from "./linux/init-process.ts";
import { checkHostname, randomId } from "./linux/names.ts";
import { exitStatusOf, type WaitStatus } from "./linux/wait-status.ts";
import { printError } from "./narrator/colour.ts";
import { narrate } from "./narrator/narrator.ts";

/** What a phase is asked to do. Each phase uses the part it has learned to. */
export interface Job {
  readonly id: string;
  readonly hostname: string;
  readonly rootfs: string;
  readonly limits: Limits;
  readonly command: readonly string[];
  readonly explain: boolean;
  /** The cgroup.procs files of the fence to join. */
  readonly fence: readonly string[];
}

export interface Lesson {
  /** The file's name, for help and errors. */
  readonly name: string;
  readonly options: readonly (keyof typeof OPTIONS)[];
  /** "image command" for the phases that have a rootfs. */
  readonly operands: "command" | "image command";
  /** In the host's namespaces: gives birth, waits. */
  outside(job: Job): Promise<WaitStatus>;
  /** In the init process: sets the container up and becomes the command. */
  inside?(job: Job): never;
}

const OPTIONS = {
  hostname: { name: "hostname", value: "NAME", help: "hostname inside (default: the container's id)" },
  memory: { name: "memory", short: "m", value: "SIZE", help: "memory limit, e.g. 64M (default 64M)" },
  cpus: { name: "cpus", value: "N", help: "processors, e.g. 0.5 (default 0.5)" },
  pids: { name: "pids", value: "N", help: "processes at once (default 64)" },
} as const satisfies Record<string, OptionSpec>;
const EXPLAIN: OptionSpec = { name: "explain", help: "tell each system call on stderr as it is made" };
const DEFAULT_LIMITS = { memory: "64M", cpus: "0.5", pids: "64" };

/** Runs a phase as a program: never returns, exits with the command's status. */
export async function lesson(phase: Lesson): Promise<never> {
  if (isInitSide()) return beInside(phase);
  try {
    const job = readJob(phase);
    if (job === undefined) process.exit(0);
    if (phase.inside !== undefined) demandRoot();
    if (job.explain) narrate("outside");
    process.exit(exitStatusOf(await phase.outside(job)));
  } catch (error) {
    const explained = explainFailure(error);
    await printError(explained);
    process.exit(explained.exitStatus);
  }
}

function beInside(phase: Lesson): never {
  const { job, fail } = receiveJob<Job>();
  try {
    if (job.explain) narrate("inside");
    if (phase.inside === undefined) throw new Error(`${phase.name} has no inside`);
    return phase.inside(job);
  } catch (error) {
    return fail(explainFailure(error));
  }
}

function readJob({ name, options, operands }: Lesson): Job | undefined {
  const specs = [...options.map((key) => OPTIONS[key]), EXPLAIN];
  const usage = `[options] [--] ${operands === "command" ? "<command...>" : "<image> <command...>"}`;
  const parsed = parseCommandLine({ name, usage, specs, words: programArguments() });
  if (parsed === undefined) return undefined;
  const value = (key: keyof typeof OPTIONS) => parsed.options.get(key)?.[0];
  const [image, ...rest] = parsed.operands;
  const command = operands === "command" ? parsed.operands : rest;
  if (command.length === 0) {
    const missing = operands === "image command" && image === undefined ? "which image?" : "which command?";
    throw usageError(name, missing, [`bun phases/${name} ${usage}`]);
  }
  const id = randomId();
  return {
    id,
    hostname: checkHostname(value("hostname") ?? id),
    rootfs: operands === "command" ? "/" : directoryImage(image ?? ""),
    limits: options.includes("memory")
      ? parseLimits({
          memory: value("memory") ?? DEFAULT_LIMITS.memory,
          cpus: value("cpus") ?? DEFAULT_LIMITS.cpus,
          pids: value("pids") ?? DEFAULT_LIMITS.pids,
        })
      : {},
    command,
    explain: parsed.options.has("explain"),
    fence: [],
  };
}
