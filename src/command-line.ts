/** Reads a command line whose options end where the image or the command begins. */
import { type CAC, cac } from "cac";
import { CanError } from "./can-error.ts";

export interface OptionSpec {
  /** The long name, without dashes. */
  readonly name: string;
  /** One letter. */
  readonly short?: string;
  /** What stands for its value in the help, e.g. "SIZE". Without it the option is a switch. */
  readonly value?: string;
  /** May be given more than once. */
  readonly repeats?: boolean;
  readonly help: string;
}

export interface ParsedCommandLine {
  /** Every option that was given, with its values in order; a switch has none. */
  readonly options: ReadonlyMap<string, readonly string[]>;
  /** What follows the options, untouched. */
  readonly operands: readonly string[];
}

/**
 * Splits words into options and operands: everything from the first operand on belongs to the image's command
 * and is never looked at, so `run ./rootfs ls -l` needs no `--` (which is allowed all the same).
 *
 * Option values come out as `--name==value`: cac turns what looks like a number into one, and the extra "="
 * keeps `--name 007` a text.
 * @param unknown called for a word that is none of the options as they are written here
 */
export function splitAtOperands(
  words: readonly string[],
  specs: readonly OptionSpec[],
  unknown: (word: string) => never = refuse,
) {
  const options: string[] = [];
  let index = 0;
  for (; index < words.length; index++) {
    const word = words[index] as string;
    if (word === "--") return { options, operands: words.slice(index + 1) };
    if (!word.startsWith("-") || word === "-") break;
    const { name, attached } = takeApart(word, specs);
    const spec = [...specs, HELP].find((candidate) => namesOf(candidate).includes(name));
    if (spec === undefined || (spec.value === undefined && attached !== undefined)) unknown(word);
    else if (spec.value === undefined) options.push(`--${spec.name}`);
    else if (attached !== undefined) options.push(`--${spec.name}==${attached}`);
    else if (index + 1 < words.length) options.push(`--${spec.name}==${words[++index]}`);
    else options.push(`--${spec.name}`);
  }
  return { options, operands: words.slice(index) };
}

const HELP: OptionSpec = { name: "help", short: "h", help: "" };

function refuse(word: string): never {
  throw new Error(`unknown option ${word}`);
}

/**
 * Reads a command line.
 * @param name the program or command as the user typed it, for errors and help
 * @param usage what follows the name in the help
 * @returns undefined when the help was asked for and has been printed
 * @throws {CanError} CAN-002 for an unknown option, a value that is missing, an option that is there twice
 */
export function parseCommandLine(options: {
  name: string;
  usage: string;
  specs: readonly OptionSpec[];
  words: readonly string[];
}): ParsedCommandLine | undefined {
  const { name, usage, specs, words } = options;
  const split = splitAtOperands(words, specs, (word) => {
    throw usageError(name, `there is no option ${JSON.stringify(word)} here`, dockerHabits(word));
  });
  const parser = cac(name);
  const command = parser.command("[...operands]").usage(usage);
  for (const spec of specs) command.option(optionText(spec), spec.help);
  // cac lists a lone unnamed command under "Commands"; there is nothing to choose from.
  parser.help((sections) =>
    sections.filter(({ title }) => title === undefined || /^(Usage|Options)$/.test(title)),
  );
  const parsed = parse(parser, ["", "", ...split.options], name);
  if (parsed.help === true) return undefined;
  const given = new Map<string, string[]>();
  for (const spec of specs) {
    const value: unknown = parsed[camelCase(spec.name)];
    if (value === undefined) continue;
    const values = spec.value === undefined ? [] : [value].flat().map((text) => String(text).slice(1));
    const once = spec.repeats !== true && (values.length > 1 || (Array.isArray(value) && value.length > 1));
    if (once) throw usageError(name, `--${spec.name} is given more than once`);
    given.set(spec.name, values);
  }
  return { options: given, operands: split.operands };
}

/**
 * Reads the command line of a verb that takes nothing.
 * @returns undefined when the help was asked for and has been printed
 * @throws {CanError} CAN-002
 */
export function parseBareCommand(name: string, words: readonly string[]): ParsedCommandLine | undefined {
  const parsed = parseCommandLine({ name, usage: "", specs: [], words });
  if (parsed !== undefined && parsed.operands.length > 0)
    throw usageError(name, `${name} takes no ${parsed.operands[0]}`);
  return parsed;
}

/** A command line that cannot be understood. */
export function usageError(name: string, headline: string, help: readonly string[] = []): CanError {
  return new CanError({ code: "CAN-002", headline, help: [...help, `${name} --help shows what there is`] });
}

function parse(parser: CAC, words: string[], name: string): Readonly<Record<string, unknown>> {
  try {
    const { options } = parser.parse(words, { run: false });
    parser.matchedCommand?.checkOptionValue();
    return options;
  } catch (error) {
    throw usageError(name, error instanceof Error ? error.message : String(error));
  }
}

/** People who know docker type what is the rule here anyway. */
function dockerHabits(word: string): string[] {
  if (!/^(-[it]+|--rm|--interactive|--tty)$/.test(word)) return [];
  return ["leave out -i, -t and --rm: a terminal is passed on by itself, and nothing stays behind"];
}

function namesOf(spec: OptionSpec): string[] {
  return [`--${spec.name}`, ...(spec.short === undefined ? [] : [`-${spec.short}`])];
}

/** `--memory=64M`, `-m=64M` and `-m64M` carry their value with them. */
function takeApart(
  word: string,
  specs: readonly OptionSpec[],
): { name: string; attached: string | undefined } {
  const equals = word.indexOf("=");
  const takesValue = specs.some(({ short, value }) => value !== undefined && word.startsWith(`-${short}`));
  if (!word.startsWith("--") && word.length > 2 && (takesValue || equals === 2)) {
    return { name: word.slice(0, 2), attached: word.slice(equals === 2 ? 3 : 2) };
  }
  if (equals < 0) return { name: word, attached: undefined };
  return { name: word.slice(0, equals), attached: word.slice(equals + 1) };
}

function optionText(spec: OptionSpec): string {
  const short = spec.short === undefined ? "" : `-${spec.short}, `;
  return `${short}--${spec.name}${spec.value === undefined ? "" : ` <${spec.value}>`}`;
}

function camelCase(name: string): string {
  return name.replaceAll(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
