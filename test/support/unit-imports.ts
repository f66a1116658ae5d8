/** The import rules of the design as a table, and a checker that works on any list of imports. */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";

export const REPOSITORY = join(import.meta.dir, "../..");

/** One import: `from` is a file of the repository, `to` another one or a package ("node:fs", "cac"). */
export interface Import {
  readonly from: string;
  readonly to: string;
  /** What is there at run time before anything is asked: not import(), not types. */
  readonly isStatic: boolean;
}

/** Who may import whom. A part may always import from itself, from Bun and from Node. */
export const RULES: Readonly<Record<string, readonly string[]>> = {
  "src/can-error.ts": [],
  "src/command-line.ts": ["src/can-error.ts", "cac"],
  "src/libc": ["src/can-error.ts", "bun:ffi"],
  "src/linux": ["src/can-error.ts", "src/libc"],
  "src/image": ["src/can-error.ts", "src/linux", "src/libc"],
  "src/tape": ["src/can-error.ts", "src/linux", "src/libc"],
  "src/container": ["src/can-error.ts", "src/tape", "src/image", "src/linux", "src/libc"],
  // Siblings: observers know what they watch, and nothing of each other.
  "src/narrator": [
    ...["src/can-error.ts", "picocolors"],
    ...["src/container", "src/tape", "src/image", "src/linux", "src/libc"],
  ],
  "src/diagnostics": [
    "src/can-error.ts",
    ...["src/container", "src/tape", "src/image", "src/linux", "src/libc"],
  ],
  "src/lab": [
    ...["src/can-error.ts", "src/command-line.ts"],
    ...["src/container", "src/tape", "src/image", "src/linux", "src/libc"],
  ],
  "src/cli": [
    ...["src/can-error.ts", "src/command-line.ts"],
    ...["src/lab", "src/narrator", "src/diagnostics", "package.json"],
    ...["src/container", "src/tape", "src/image", "src/linux", "src/libc"],
  ],
  // The harness stands where the cli stands, without the container: a lesson shows what it teaches.
  "src/lesson.ts": [
    ...["src/can-error.ts", "src/command-line.ts"],
    ...["src/narrator", "src/diagnostics", "src/image", "src/linux", "src/libc"],
  ],
  phases: ["src/lesson.ts", "src/narrator", "src/linux", "src/libc"],
};

/** What an import breaks, in words; undefined when it is allowed. */
export function violation({ from, to }: Import): string | undefined {
  const own = partOf(from);
  const allowed = own === undefined ? undefined : RULES[own];
  if (allowed === undefined) return `${from} belongs to no part the rules know`;
  const target = partOf(to) ?? to;
  if (target === own && own !== "phases") return undefined;
  if (target.startsWith("node:") || target === "bun") return undefined;
  return allowed.includes(target) ? undefined : `${from} imports ${to}: ${own} may not import ${target}`;
}

function partOf(path: string): string | undefined {
  return Object.keys(RULES).find((part) => path === part || path.startsWith(`${part}/`));
}

/** A chain of files that import each other in a circle, or undefined. */
export function findCycle(imports: readonly Import[]): string[] | undefined {
  const targets = new Map<string, string[]>();
  for (const { from, to } of imports) targets.set(from, [...(targets.get(from) ?? []), to]);
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]): string[] | undefined => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
    if (done.has(file)) return undefined;
    for (const next of targets.get(file) ?? []) {
      const cycle = visit(next, [...path, file]);
      if (cycle !== undefined) return cycle;
    }
    done.add(file);
    return undefined;
  };
  for (const file of targets.keys()) {
    const cycle = visit(file, []);
    if (cycle !== undefined) return cycle;
  }
  return undefined;
}

/** Everything that is loaded when `entry` starts: files and packages. */
export function loadedBy(entry: string, imports: readonly Import[]): Set<string> {
  const loaded = new Set([entry]);
  for (const file of loaded) {
    for (const { from, to, isStatic } of imports) if (isStatic && from === file) loaded.add(to);
  }
  return loaded;
}

/** The imports of a TypeScript text, those of types included. */
export function importsOf(from: string, text: string): Import[] {
  const scan = (source: string) => new Bun.Transpiler({ loader: "ts" }).scanImports(source);
  const atRunTime = scan(text)
    .filter(({ kind }) => kind === "import-statement")
    .map(({ path }) => path);
  // Bun leaves out what is only a type. Without the word "type" it is an import like any other.
  const untyped = text
    .replaceAll(/^(import|export)\s+type\s+(?=[{*]|\w+\s+from\b)/gm, "$1 ")
    .replaceAll(/^(?:import|export)\s*\{[^}]*\}/gm, (list) => list.replaceAll(/\btype\s+(?=\w)/g, ""));
  const inTypes = [...text.matchAll(/\bimport\("([^"]+)"\)/g)].map((match) => match[1] as string);
  const all = new Set([...scan(untyped).map(({ path }) => path), ...inTypes]);
  return [...all].map((path) => ({
    from,
    to: path.startsWith(".") ? normalize(join(dirname(from), path)) : path,
    isStatic: atRunTime.includes(path),
  }));
}

/** The files of some folders of the repository with one of these endings; a folder may be missing. */
export function filesIn(folders: readonly string[], endings: readonly string[] = [".ts"]): string[] {
  return folders.flatMap((folder) => {
    const names = list(folder).map((name) => join(folder, name));
    return names.filter((name) => endings.some((ending) => name.endsWith(ending))).sort();
  });
}

function list(folder: string): string[] {
  try {
    return readdirSync(join(REPOSITORY, folder), { recursive: true, encoding: "utf8" });
  } catch {
    return []; // not written yet
  }
}

export function readText(path: string): string {
  return readFileSync(join(REPOSITORY, path), "utf8");
}

/** How many lines a diff of two texts shows: those only in the one and those only in the other. */
export function changedLines(before: string, after: string): number {
  const [a, b] = [before.split("\n"), after.split("\n")];
  let row = new Array<number>(b.length + 1).fill(0);
  for (const line of a) {
    const next = [0];
    for (let j = 1; j <= b.length; j++) {
      const same = line === b[j - 1];
      next.push(same ? (row[j - 1] ?? 0) + 1 : Math.max(row[j] ?? 0, next[j - 1] ?? 0));
    }
    row = next;
  }
  return a.length + b.length - 2 * (row[b.length] ?? 0);
}
