/** The one shape of everything that goes wrong for a user. */

/** docker's convention for what `run` itself reports. */
export const EXIT = { failed: 125, cannotExecute: 126, notFound: 127 } as const;

export interface CanErrorOptions {
  /** Which entry of the catalogue, e.g. "CAN-012". */
  readonly code: string;
  /** What is wrong, in one line. */
  readonly headline: string;
  /** The call that failed, decoded, with its errno. */
  readonly call?: string | undefined;
  /** Where in the code, for who is writing that code. */
  readonly at?: string | undefined;
  /** Facts that were observed, never guesses. */
  readonly notes?: readonly string[];
  /** What to do, to copy. */
  readonly help?: readonly string[];
  /** Where to read on, besides the page of the code. */
  readonly more?: readonly string[];
  readonly exitStatus?: number;
}

/** An error that says what to do about it. Everything a user gets to see is one of these. */
export class CanError extends Error {
  readonly options: CanErrorOptions;

  constructor(options: CanErrorOptions) {
    super(options.headline);
    this.name = "CanError";
    this.options = options;
  }

  get exitStatus(): number {
    return this.options.exitStatus ?? EXIT.failed;
  }
}

/** An option's value that makes no sense. `wanted` says what it takes, `example` shows one. */
export function badValue(options: {
  option: string;
  text: string;
  wanted: string;
  example: string;
}): CanError {
  const { option, text, wanted, example } = options;
  return new CanError({
    code: "CAN-003",
    headline: `${option} ${JSON.stringify(text)} makes no sense: it takes ${wanted}`,
    help: [`for example ${option} ${example}`],
  });
}

/** Lays an error out for a terminal, without colour; narrator/colour.ts paints it. */
export function formatCanError({ options }: CanError): string {
  const { code, headline, call, at, notes = [], help = [], more = [] } = options;
  const lines = [`error[${code}]: ${headline}`];
  if (call !== undefined) lines.push(`  ${call}`);
  if (at !== undefined) lines.push(`  at ${at}`);
  for (const note of notes) lines.push(`note: ${indent(note)}`);
  for (const line of help) lines.push(`help: ${indent(line)}`);
  lines.push(`more: ${[`docs/errors/${code}.md`, ...more].join(", ")}`);
  return `${lines.join("\n")}\n`;
}

function indent(text: string): string {
  return text.replaceAll("\n", "\n      ");
}
