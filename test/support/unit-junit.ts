/** Reads the JUnit report of `bun test`: counts its test cases one by one, never trusting its sums. */

export interface Count {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly skippedNames: readonly string[];
}

// Attribute values have their quotes escaped, so a ">" inside one cannot end the tag for this expression.
const TEST_CASE = /<testcase\b((?:\s+[\w:-]+="[^"]*")*)\s*(?:\/>|>([\s\S]*?)<\/testcase>)/g;

/** Counts test cases: failed when they hold a failure or an error, skipped when they say so, else passed. */
export function readReport(xml: string): Count {
  let [passed, failed] = [0, 0];
  const skippedNames: string[] = [];
  for (const [, attributes = "", body = ""] of xml.matchAll(TEST_CASE)) {
    if (/<(failure|error)\b/.test(body)) failed++;
    else if (/<skipped\b/.test(body)) skippedNames.push(nameOf(attributes));
    else passed++;
  }
  return { passed, failed, skipped: skippedNames.length, skippedNames };
}

/** Adds up the counts of several reports. */
export function sum(counts: readonly Count[]): Count {
  const add = (key: "passed" | "failed" | "skipped") =>
    counts.reduce((total, count) => total + count[key], 0);
  return {
    passed: add("passed"),
    failed: add("failed"),
    skipped: add("skipped"),
    skippedNames: counts.flatMap(({ skippedNames }) => skippedNames),
  };
}

function nameOf(attributes: string): string {
  const value = (key: string) =>
    unescapeXml(new RegExp(`(?:^|\\s)${key}="([^"]*)"`).exec(attributes)?.[1] ?? "");
  return [value("file"), value("classname"), value("name")].filter((part) => part !== "").join(": ");
}

function unescapeXml(text: string): string {
  const named: Record<string, string> = { lt: "<", gt: ">", quot: '"', apos: "'", amp: "&" };
  return text.replaceAll(/&(?:#(\d+)|(\w+));/g, (whole, code?: string, name?: string) =>
    code === undefined ? (named[name ?? ""] ?? whole) : String.fromCodePoint(Number(code)),
  );
}
