/** The design's rules about who imports whom, how long a file may be, and which words are not used. */
import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import {
  changedLines,
  filesIn,
  findCycle,
  type Import,
  importsOf,
  loadedBy,
  REPOSITORY,
  RULES,
  readText,
  violation,
} from "../support/unit-imports.ts";

const SOURCES = filesIn(["src", "phases"]);
const IMPORTS = SOURCES.flatMap((file) => importsOf(file, readText(file)));
const PHASES = filesIn(["phases"]);

describe("imports", () => {
  test("there are sources to look at, and each belongs to a part with rules", () => {
    expect(SOURCES.length).toBeGreaterThan(40);
    expect(IMPORTS.length).toBeGreaterThan(100);
    expect(SOURCES.map((from) => violation({ from, to: "node:fs", isStatic: true })).filter(Boolean)).toEqual(
      [],
    );
  });

  test("imports point one way", () => {
    expect(IMPORTS.map(violation).filter(Boolean)).toEqual([]);
  });

  test("every imported file of ours exists", () => {
    const targets = IMPORTS.map(({ to }) => to).filter((to) => to.endsWith(".ts"));
    expect(targets.filter((to) => !SOURCES.includes(to))).toEqual([]);
  });

  test("only src/libc talks to bun:ffi", () => {
    const users = IMPORTS.filter(({ to }) => to === "bun:ffi").map(({ from }) => from);
    expect(users.length).toBeGreaterThan(0);
    expect(users.filter((file) => !file.startsWith("src/libc/"))).toEqual([]);
  });

  test("no file imports itself through others", () => {
    expect(findCycle(IMPORTS)).toBeUndefined();
  });

  test("no file passes on what another one exports", () => {
    const passesOn = /^export\s+(?:type\s+)?(?:\*|\{[^}]*\})(?:\s+as\s+\w+)?\s+from\s/m;
    expect(SOURCES.filter((file) => passesOn.test(readText(file)))).toEqual([]);
    expect(passesOn.test('export { a } from "./a.ts";')).toBeTrue();
    expect(passesOn.test('export type * from "./a.ts";')).toBeTrue();
  });
});

describe("the run path", () => {
  const entries = ["src/cli/main.ts", "src/container/run.ts", ...PHASES].filter((entry) =>
    SOURCES.includes(entry),
  );
  const DEAR = ["picocolors", "node:util", "util"];

  test.each(entries)("%s starts without what is slow to load", (entry) => {
    const loaded = loadedBy(entry, IMPORTS);
    expect(loaded).toContain("src/libc/call.ts");
    expect(DEAR.filter((name) => loaded.has(name))).toEqual([]);
    const files = [...loaded].filter((file) => SOURCES.includes(file));
    expect(files.filter((file) => /\bprocess\.std(?:out|err)\b/.test(code(file)))).toEqual([]);
  });

  test("what is bundled into bin/crab-can's program is one of the entries that are looked at", () => {
    const starters = filesIn(["bin", "scripts"], ["crab-can", "build.ts"]);
    const named = starters.flatMap((file) => [...readText(file).matchAll(/src\/[\w/.-]+\.ts/g)].map(String));
    expect(named.length).toBeGreaterThan(0);
    expect(named.filter((file) => !entries.includes(file))).toEqual([]);
  });

  /** A file without its comments. */
  function code(file: string): string {
    return readText(file).replaceAll(/\/\*[\s\S]*?\*\/|(?<![:"'`\\])\/\/.*/g, "");
  }
});

describe("size", () => {
  test("no file is longer than 300 lines", () => {
    const all = filesIn(["src", "phases", "labs", "test", "scripts"], [".ts", ".sh"]);
    const lines = (file: string) => readText(file).split("\n").length - 1;
    expect(all.filter((file) => lines(file) > 300).map((file) => `${file}: ${lines(file)}`)).toEqual([]);
  });

  test("there are four phases, and each is the one before it plus fewer than 40 changed lines", () => {
    expect(PHASES).toEqual([
      "phases/1-spawn.ts",
      "phases/2-isolation.ts",
      "phases/3-jail.ts",
      "phases/4-fence.ts",
    ]);
    for (const [index, phase] of PHASES.slice(1).entries()) {
      const changed = changedLines(readText(PHASES[index] as string), readText(phase));
      expect(changed, phase).toBeGreaterThan(0);
      expect(changed, phase).toBeLessThan(40);
    }
  });

  test("the count of changed lines is that of diff", () => {
    expect(changedLines("a\nb\nc", "a\nx\nc\nd")).toBe(3);
    expect(changedLines("a\nb", "a\nb")).toBe(0);
  });
});

describe("words", () => {
  const NOT_USED: Record<string, RegExp> = {
    simply: /\bsimply\b/i,
    just: /\bjust\b/i,
    illegal: /\billegal/i,
  };

  const readme = existsSync(join(REPOSITORY, "README.md")) ? ["README.md"] : [];

  test.each(Object.keys(NOT_USED))("nothing says %p", (word) => {
    const readable = [...filesIn(["src", "phases", "docs"], [".ts", ".md"]), ...readme];
    expect(readable.length).toBeGreaterThan(40);
    const said = readable.flatMap((file) =>
      readText(file)
        .split("\n")
        .flatMap((line, index) =>
          NOT_USED[word]?.test(line) ? [`${file}:${index + 1}: ${line.trim()}`] : [],
        ),
    );
    expect(said).toEqual([]);
  });

  test("words that only contain one of them are allowed", () => {
    expect(NOT_USED.just?.test("adjust the justified adjustment")).toBeFalse();
    expect(NOT_USED.just?.test("It is just a process")).toBeTrue();
  });
});

describe("the checker itself", () => {
  const broken: [from: string, to: string][] = [
    ["src/libc/call.ts", "src/linux/proc.ts"],
    ["src/linux/mounts.ts", "bun:ffi"],
    ["src/linux/mounts.ts", "src/image/directory.ts"],
    ["src/image/directory.ts", "src/container/run.ts"],
    ["src/container/run.ts", "src/narrator/narrator.ts"],
    ["src/narrator/narrator.ts", "src/diagnostics/explain.ts"],
    ["src/diagnostics/explain.ts", "src/narrator/narrator.ts"],
    ["src/container/run.ts", "src/cli/main.ts"],
    ["src/can-error.ts", "src/libc/call.ts"],
    ["src/linux/exec.ts", "src/command-line.ts"],
    ["src/lesson.ts", "src/container/run.ts"],
    ["src/cli/main.ts", "src/lesson.ts"],
    ["src/cli/main.ts", "phases/1-spawn.ts"],
    ["src/cli/main.ts", "test/run.ts"],
    ["src/cli/main.ts", "labs/01/start.ts"],
    ["src/container/run.ts", "picocolors"],
    ["phases/3-jail.ts", "src/container/run.ts"],
    ["phases/3-jail.ts", "src/image/directory.ts"],
    ["phases/3-jail.ts", "src/can-error.ts"],
    ["phases/3-jail.ts", "phases/2-isolation.ts"],
    ["src/other/new.ts", "node:fs"],
  ];

  test.each(broken)("it does not let %s import %s", (from, to) => {
    expect(violation({ from, to, isStatic: true })).toContain(from);
  });

  test("it lets every part import what its rule names", () => {
    for (const [part, allowed] of Object.entries(RULES)) {
      for (const to of allowed) expect(violation({ from: part, to, isStatic: true }), part).toBeUndefined();
    }
  });

  test("it finds a circle of three, and none in a chain", () => {
    const chain: Import[] = [
      { from: "a", to: "b", isStatic: true },
      { from: "b", to: "c", isStatic: false },
    ];
    expect(findCycle(chain)).toBeUndefined();
    expect(findCycle([...chain, { from: "c", to: "a", isStatic: true }])).toEqual(["a", "b", "c", "a"]);
  });

  test("it sees imports of types, and tells them and import() from what is loaded at once", () => {
    const text = [
      'import { one } from "../libc/one.ts";',
      'import type { Two } from "./two.ts";',
      'import { type Three } from "./three.ts";',
      'const four = await import("./four.ts");',
      'type Five = import("./five.ts").Five;',
      "console.log(one);",
    ].join("\n");
    const imports = importsOf("src/linux/x.ts", text);
    expect(imports.map(({ to }) => to).sort()).toEqual([
      "src/libc/one.ts",
      "src/linux/five.ts",
      "src/linux/four.ts",
      "src/linux/three.ts",
      "src/linux/two.ts",
    ]);
    expect([...loadedBy("src/linux/x.ts", imports)]).toEqual(["src/linux/x.ts", "src/libc/one.ts"]);
  });
});
