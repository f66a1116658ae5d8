/** `crab-can version`. */
import { version } from "../../package.json";

export function versionCommand(): number {
  console.info(`crab-can ${version} (Bun ${Bun.version}, ${process.platform}-${process.arch})`);
  return 0;
}
