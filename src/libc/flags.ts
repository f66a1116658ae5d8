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
  // Widest first: MS_REC|MS_BIND must not be eaten by a one-bit name they contain.
  const byWidth = Object.entries(table).sort(([, a], [, b]) => bits(b) - bits(a));
  for (const [name, bit] of byWidth) {
    if (bit !== 0 && (rest & bit) === bit) {
      names.push(name);
      rest &= ~bit;
    }
  }
  if (rest !== 0) names.push(`0x${(rest >>> 0).toString(16)}`);
  if (names.length > 0) return names.join("|");
  return Object.keys(table).find((name) => table[name] === 0) ?? "0";
}

/** One name for a whole word, not a set of bits: `constant(IOCTL, 0x5401)` prints `TCGETS`. */
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

function bits(value: number): number {
  let count = 0;
  for (let rest = value >>> 0; rest !== 0; rest &= rest - 1) count++;
  return count;
}
