/** Turns flag words back into names, the way strace does. */

/**
 * A flag word that prints as names: `flags(MS, 5)` prints `MS_RDONLY|MS_NODEV`. Bits without a name are shown
 * in hexadecimal, so nothing is hidden.
 */
export function flags(table: Readonly<Record<string, number>>, value: number): { toString(): string } {
  return { toString: () => decodeFlags(table, value) };
}

export function decodeFlags(table: Readonly<Record<string, number>>, value: number): string {
  const names: string[] = [];
  let rest = value;
  for (const [name, bit] of Object.entries(table)) {
    if (bit !== 0 && (rest & bit) === bit) {
      names.push(name);
      rest &= ~bit;
    }
  }
  if (rest !== 0) names.push(`0x${(rest >>> 0).toString(16)}`);
  if (names.length > 0) return names.join("|");
  return Object.keys(table).find((name) => table[name] === 0) ?? "0";
}

/** One name for a whole word, not a set of bits: `constant(SIGNALS, 9)` prints `SIGKILL`. */
export function constant(table: Readonly<Record<string, number>>, value: number): { toString(): string } {
  return {
    toString: () =>
      Object.keys(table).find((name) => table[name] === value) ?? `0x${(value >>> 0).toString(16)}`,
  };
}

/** A number that prints in hexadecimal. */
export function hex(value: bigint): { toString(): string } {
  return { toString: () => `0x${value.toString(16)}` };
}

/** Words that are shown as they are, without quotes: names and remarks, as strace has them. */
export function bare(text: string): { toString(): string } {
  return { toString: () => text };
}
