/**
 * A mutant: a copy of the project in which one thing is left out. It is the rung of the ladder for a wall that no
 * phase lacks: the test that holds on the project has to fail on the mutant.
 */
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ROOT } from "./launch.ts";

/** One change: `text` of the file becomes `by`. */
export interface Mutation {
  readonly file: string;
  readonly text: string;
  readonly by: string;
}

/** Makes a mutant. Disposal removes it. */
export function mutant(...mutations: readonly Mutation[]): Disposable & {
  /** The words that start one of its programs in place of the project's own. */
  program(words: readonly string[]): string[];
} {
  const directory = mkdtempSync(join(tmpdir(), "mutant-"));
  for (const part of ["src", "phases"]) cpSync(join(ROOT, part), join(directory, part), { recursive: true });
  symlinkSync(join(ROOT, "node_modules"), join(directory, "node_modules"));
  for (const { file, text, by } of mutations) {
    const path = join(directory, file);
    const source = readFileSync(path, "utf8");
    // A mutant that has lost its mutation would be the project itself.
    if (!source.includes(text))
      throw new Error(`${file} has no ${JSON.stringify(text)} any more to leave out`);
    writeFileSync(path, source.replaceAll(text, by));
  }
  return {
    program: ([script = "", ...rest]) => [join(directory, script), ...rest],
    [Symbol.dispose]: () => rmSync(directory, { recursive: true, force: true }),
  };
}
