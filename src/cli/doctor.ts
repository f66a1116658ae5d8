/** `crab-can doctor`: what this machine can do, what that means, how to mend it. */
import { parseCommandLine, usageError } from "../command-line.ts";
import { examine, type Finding, thisMachine } from "../diagnostics/doctor.ts";

const NAME = "crab-can doctor";
const MARKS = { ok: "ok     ", note: "note   ", missing: "MISSING" } as const;

/** @returns 0 when everything will work, 1 when something is missing */
export function doctorCommand(words: readonly string[]): number {
  const specs = [{ name: "json", help: "the findings as JSON" }];
  const parsed = parseCommandLine({ name: NAME, usage: "[options]", specs, words });
  if (parsed === undefined) return 0;
  if (parsed.operands.length > 0) throw usageError(NAME, `${NAME} takes no ${parsed.operands[0]}`);
  const findings = examine(thisMachine());
  console.info(
    parsed.options.has("json") ? JSON.stringify(findings, null, 2) : findings.map(format).join("\n"),
  );
  return findings.some(({ verdict }) => verdict === "missing") ? 1 : 0;
}

function format({ topic, verdict, found, means, mend }: Finding): string {
  const lines = [`${MARKS[verdict]} ${topic}: ${found}`, `        ${means}`];
  if (mend !== undefined) lines.push(`        to mend: ${mend}`);
  return lines.join("\n");
}
