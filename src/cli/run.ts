/** `crab-can run`: a command in a container. */
import { type OptionSpec, parseCommandLine, usageError } from "../command-line.ts";
import { configure } from "../container/config.ts";
import { run } from "../container/run.ts";
import { demandRoot } from "../diagnostics/root.ts";
import { exitStatusOf } from "../linux/wait-status.ts";
import { reportLimits } from "../narrator/limits.ts";
import { narrate } from "../narrator/narrator.ts";

const NAME = "crab-can run";
const USAGE = "[options] [--] <image> <command...>";

const OPTIONS: readonly OptionSpec[] = [
  { name: "name", value: "NAME", help: "name of the container (default: a random id)" },
  { name: "id", value: "NAME", help: "the same as --name" },
  { name: "hostname", value: "NAME", help: "hostname inside (default: the container's name)" },
  {
    name: "memory",
    short: "m",
    value: "SIZE",
    help: "most memory, e.g. 64M, 1G, 512k; swap is off along with it",
  },
  { name: "cpus", value: "N", help: "most processors, e.g. 0.5" },
  { name: "pids", value: "N", help: "most processes and threads at once" },
  {
    name: "env",
    short: "e",
    value: "K=V",
    repeats: true,
    help: "set a variable; K alone passes the host's value on",
  },
  { name: "workdir", short: "w", value: "DIR", help: "directory to start in (default: /)" },
  { name: "user", short: "u", value: "USER", help: "user[:group] to run as, names of the image or numbers" },
  { name: "read-only", help: "the image's files cannot be changed" },
  {
    name: "volume",
    short: "v",
    value: "HOST:CONTAINER[:ro]",
    repeats: true,
    help: "show a directory or file of the host",
  },
  { name: "network", value: "none|host", help: "only lo (default), or the host's network" },
  { name: "cap-add", value: "CAP", repeats: true, help: "keep one more capability, or ALL" },
  { name: "cap-drop", value: "CAP", repeats: true, help: "give one more capability up, or ALL" },
  { name: "explain", help: "tell each system call on stderr as it is made" },
];

/**
 * Runs the verb.
 * @returns the command's exit status, 128+N when signal N killed it
 * @throws {CanError} for bad input, or when the command could not be run
 */
export async function runCommand(words: readonly string[]): Promise<number> {
  const parsed = parseCommandLine({ name: NAME, usage: USAGE, specs: OPTIONS, words });
  if (parsed === undefined) return 0;
  const [image, ...command] = parsed.operands;
  if (image === undefined)
    throw usageError(NAME, "which image? a directory, or `host`", ["crab-can run host sh"]);
  if (command.length === 0) throw usageError(NAME, "which command?", [`crab-can run ${image} sh`]);
  const config = configure(mergeNames(parsed.options), image, command);
  demandRoot();
  if (config.explain) narrate("outside");
  const { status, usage } = await run(config);
  reportLimits(status, usage, config.limits);
  return exitStatusOf(status);
}

function mergeNames(options: ReadonlyMap<string, readonly string[]>): ReadonlyMap<string, readonly string[]> {
  const id = options.get("id");
  if (id === undefined) return options;
  if (options.has("name")) throw usageError(NAME, "--name and --id mean the same: give one of them");
  return new Map(options).set("name", id);
}
