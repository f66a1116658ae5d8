/** `crab-can version`. */

import { version } from "../../package.json";
import { parseBareCommand } from "../command-line.ts";

export function versionCommand(words: readonly string[]): number {
  if (parseBareCommand("crab-can version", words) === undefined) return 0;
  console.info(`crab-can ${version} (Bun ${Bun.version}, ${process.platform}-${process.arch})`);
  return 0;
}
