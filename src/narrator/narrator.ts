/** `--explain`: tells each system call as it is made, on stderr. */
import { formatCall, observe, type SystemCall } from "../libc/call.ts";
import { errnoName } from "../libc/errno.ts";
import { explainCall } from "./sentences.ts";
import { tell } from "./stderr.ts";

/**
 * Narrates every system call of this process from now on.
 * @param side which side of the birth we are: shown before each call
 * @returns a handle whose disposal ends the narration
 */
export function narrate(side: "outside" | "inside"): Disposable {
  let number = 0;
  return observe({
    enter({ name, args }) {
      number++;
      // execve does not come back when it works: what is to be said must be said before.
      if (name !== "execve") return;
      tell(`${heading(side, number)} ${formatCall(name, args)}\n${indented(explainCall(name, args))}`);
    },
    exit(call) {
      if (call.name === "execve") tell(`${" ".repeat(INDENT)}= ${outcome(call)}\n`);
      else tell(formatNarration(side, number, call));
    },
  });
}

const INDENT = 12;

/** One call as two lines: the call with its result, and what it means. */
export function formatNarration(side: string, number: number, call: SystemCall): string {
  const line = `${heading(side, number)} ${formatCall(call.name, call.args)} = ${outcome(call)}\n`;
  return call.errno === 0 ? `${line}${indented(explainCall(call.name, call.args))}` : line;
}

function heading(side: string, number: number): string {
  return `${side.padEnd(7)} ${String(number).padStart(3)}`;
}

function outcome({ result, errno }: SystemCall): string {
  return errno === 0 ? String(result) : `-1 ${errnoName(errno)}`;
}

function indented(sentence: string): string {
  return sentence === "" ? "" : `${" ".repeat(INDENT)}${sentence}\n`;
}
