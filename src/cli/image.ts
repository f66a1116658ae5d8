/** `crab-can image make`: a small image of this machine's programs. */
import { parseCommandLine, usageError } from "../command-line.ts";
import { sudoLine } from "../diagnostics/root.ts";
import { makeImage } from "../image/make.ts";

const NAME = "crab-can image";
const USAGE = "make <directory> [binaries...]";

/** @throws {CanError} for bad input, or when the image cannot be made */
export function imageCommand(words: readonly string[]): number {
  const parsed = parseCommandLine({ name: NAME, usage: USAGE, specs: [], words });
  if (parsed === undefined) return 0;
  const [verb, directory, ...binaries] = parsed.operands;
  if (verb !== "make") throw usageError(NAME, `what to do? ${NAME} ${USAGE}`);
  if (directory === undefined) throw usageError(NAME, "which directory?", ["crab-can image make ./rootfs"]);
  const made = makeImage(directory, binaries);
  console.info(`${made.path}: ${made.binaries.length} programs, ${made.libraries.length} libraries`);
  const program = made.binaries.includes("sh") ? "sh" : (made.binaries[0] ?? "");
  console.info(`try: ${sudoLine(["run", directory, program])}`);
  return 0;
}
