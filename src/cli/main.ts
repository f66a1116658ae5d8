/** The command `crab-can`: finds the verb, runs it, turns errors into words. Loads only what the verb needs. */
import { usageError } from "../command-line.ts";
import { becomeContainer } from "../container/inside.ts";
import type { ContainerJob } from "../container/job.ts";
import { explainFailure } from "../diagnostics/explain.ts";
import { programArguments } from "../libc/bytes.ts";
import { isInitSide, receiveJob } from "../linux/init-process.ts";
import { printError } from "../narrator/colour.ts";
import { narrate } from "../narrator/narrator.ts";
import { runCommand } from "./run.ts";

/** A verb: gets its words, gives the exit status. */
export type Verb = (words: readonly string[]) => number | Promise<number>;

const HELP = `crab-can: a container runtime you can read

Usage:
  crab-can run [options] <image> <command...>   run a command in a container
  crab-can image make <directory> [binaries...] make a small image of this machine's programs
  crab-can doctor                               what this machine can do, and how to mend the rest
  crab-can demo                                 a container that shows its four walls
  crab-can version

An image is a directory with a root file system, or the built-in \`host\`.
More on a verb: crab-can run --help
`;

const VERBS: Readonly<Record<string, () => Promise<Verb> | Verb>> = {
  run: () => runCommand,
  image: async () => (await import("./image.ts")).imageCommand,
  doctor: async () => (await import("./doctor.ts")).doctorCommand,
  demo: async () => (await import("./demo.ts")).demoCommand,
  version: async () => (await import("./version.ts")).versionCommand,
};

async function main([verb, ...words]: readonly string[]): Promise<number> {
  if (verb === undefined || verb === "help" || verb === "--help" || verb === "-h") {
    console.info(HELP);
    return 0;
  }
  const load = Object.hasOwn(VERBS, verb === "--version" ? "version" : verb)
    ? VERBS[verb.replace(/^--/, "")]
    : undefined;
  if (load === undefined) {
    throw usageError("crab-can", `there is no verb ${JSON.stringify(verb)}`, [
      `verbs: ${Object.keys(VERBS).join(", ")}`,
    ]);
  }
  return (await load())(words);
}

function beInside(): never {
  const { job, fail } = receiveJob<ContainerJob>();
  try {
    if (job.config.explain) narrate("inside");
    return becomeContainer(job);
  } catch (error) {
    return fail(explainFailure(error));
  }
}

if (isInitSide()) beInside();
try {
  process.exit(await main(programArguments()));
} catch (error) {
  const explained = explainFailure(error);
  await printError(explained);
  process.exit(explained.exitStatus);
}
