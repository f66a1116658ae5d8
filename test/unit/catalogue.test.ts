/** Every error code that the code can raise is explained, and the pages are what the catalogue says. */
import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { CATALOGUE, errorPage } from "../../src/diagnostics/catalogue.ts";

const ROOT = `${import.meta.dir}/../..`;

function codesRaised(): Set<string> {
  const files = new Bun.Glob("src/**/*.ts").scanSync({ cwd: ROOT });
  const texts = [...files]
    .filter((file) => !file.endsWith("catalogue.ts"))
    .map((file) => readFileSync(`${ROOT}/${file}`, "utf8"));
  return new Set(
    texts.flatMap((text) => [...text.matchAll(/code: "(CAN-\d{3})"/g)].map(([, code]) => code as string)),
  );
}

test("every code that is raised has an entry, and every entry is raised", () => {
  expect([...codesRaised()].sort()).toEqual(Object.keys(CATALOGUE).sort());
});

test("docs/errors is what the catalogue says: run `npm run docs` after a change", () => {
  const pages = readdirSync(`${ROOT}/docs/errors`).sort();
  expect(pages).toEqual(
    Object.keys(CATALOGUE)
      .map((code) => `${code}.md`)
      .sort(),
  );
  for (const [code, entry] of Object.entries(CATALOGUE)) {
    expect(readFileSync(`${ROOT}/docs/errors/${code}.md`, "utf8")).toBe(errorPage(code, entry));
  }
});
