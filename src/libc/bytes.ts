/**
 * Text that stands for any bytes. Names and arguments on Linux are bytes, mostly but not always UTF-8. A byte that
 * is not part of valid UTF-8 is kept as a lone surrogate (0xDC00 + byte), which no text contains, and turned back
 * into the byte on its way to the kernel.
 */
import { readFileSync } from "node:fs";

const REPLACEMENT = "\uFFFD";
const ESCAPE = 0xdc00;
const decoder = new TextDecoder("utf-8", { fatal: true });

/** Decodes bytes without losing any. */
export function decodeBytes(bytes: Uint8Array): string {
  let text = "";
  for (let start = 0; start < bytes.length; ) {
    const length = [1, 2, 3, 4].find((size) => isCharacter(bytes.subarray(start, start + size), size));
    text +=
      length === undefined
        ? String.fromCharCode(ESCAPE + (bytes[start] as number))
        : decoder.decode(bytes.subarray(start, start + length));
    start += length ?? 1;
  }
  return text;
}

/** The bytes that a text stands for. */
export function encodeBytes(text: string): Buffer {
  if (text.isWellFormed()) return Buffer.from(text);
  const parts = [...text].map((character) => {
    const code = character.charCodeAt(0);
    const escaped = character.length === 1 && code >= ESCAPE + 0x80 && code <= ESCAPE + 0xff;
    return escaped ? Buffer.from([code - ESCAPE]) : Buffer.from(character);
  });
  return Buffer.concat(parts);
}

/**
 * The arguments of this program as they were given. Bun replaces what is not valid UTF-8, so in that case the
 * kernel is asked. proc_pid_cmdline(5)
 */
export function programArguments(): string[] {
  const words = process.argv.slice(2);
  if (!words.some((word) => word.includes(REPLACEMENT))) return words;
  const raw = readFileSync("/proc/self/cmdline");
  const all: string[] = [];
  for (let start = 0; start < raw.length; ) {
    const end = raw.indexOf(0, start);
    all.push(decodeBytes(raw.subarray(start, end)));
    start = end + 1;
  }
  return all.slice(all.length - words.length);
}

function isCharacter(bytes: Uint8Array, size: number): boolean {
  if (bytes.length !== size) return false;
  try {
    return [...decoder.decode(bytes)].length === 1;
  } catch {
    return false;
  }
}
