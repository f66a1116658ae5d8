/** Errors in colour, where there is a terminal to see it. The colours are loaded only then: they cost 10 ms. */
import { type CanError, formatCanError } from "../can-error.ts";
import { isTerminal } from "../libc/device.ts";
import { tell } from "./stderr.ts";

const STDERR = 2;

/** Prints an error on stderr, in this order: headline, call, note, help, more. */
export async function printError(error: CanError): Promise<void> {
  const text = formatCanError(error);
  const plain = !isTerminal(STDERR) || (process.env.NO_COLOR ?? "") !== "";
  tell(plain ? text : await paint(text));
}

async function paint(text: string): Promise<string> {
  const { default: picocolors } = await import("picocolors");
  const { red, bold, cyan, dim } = picocolors.createColors(true);
  const paints: Readonly<Record<string, (text: string) => string>> = { note: cyan, help: cyan, more: dim };
  return text
    .replace(/^error\[[^\]]+\]/, (word) => bold(red(word)))
    .replaceAll(/^(note|help|more):/gm, (label, word: string) => paints[word]?.(label) ?? label);
}
