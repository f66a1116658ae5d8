/** `npm run docs`: writes docs/errors from the catalogue, so that neither goes stale. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { CATALOGUE, errorPage } from "../src/diagnostics/catalogue.ts";

const directory = `${import.meta.dir}/../docs/errors`;
rmSync(directory, { recursive: true, force: true });
mkdirSync(directory);
for (const [code, entry] of Object.entries(CATALOGUE))
  writeFileSync(`${directory}/${code}.md`, errorPage(code, entry));
