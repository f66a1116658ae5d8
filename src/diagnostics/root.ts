/** What to say to somebody who is not root. */
import { CanError } from "../can-error.ts";

/**
 * @throws {CanError} CAN-001, with the exact line to type
 */
export function demandRoot(): void {
  if (process.geteuid?.() === 0) return;
  throw new CanError({
    code: "CAN-001",
    headline: "this needs root: only root may make namespaces, mounts and cgroups",
    notes: [
      `you are user ${process.geteuid?.()}; sudo has a PATH of its own, so the line names the interpreter in full`,
    ],
    help: [sudoLine()],
    more: ["namespaces(7)"],
  });
}

/**
 * This program with these words, to be typed as root.
 * @param words by default those it was started with
 */
export function sudoLine(words: readonly string[] = process.argv.slice(2)): string {
  const script = Bun.main.startsWith("/$bunfs/") ? [] : [Bun.main];
  // bin/crab-can says how it was called itself: that is shorter, and works as well.
  const program = process.env.CRAB_CAN_LAUNCHER ?? "";
  const start = program === "" ? [process.execPath, ...script] : [program];
  return ["sudo", ...start, ...words].map(shellQuote).join(" ");
}

/** Quotes a word for a POSIX shell, only when it needs it. */
export function shellQuote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
