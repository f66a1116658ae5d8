/** Asks the C compiler whether our constants are those of the kernel's and libc's headers. */
import { existsSync } from "node:fs";
import type { Architecture } from "../../src/libc/arch.ts";

/** Where one architecture's kernel headers are, and which Debian package brings them. */
export interface Headers {
  readonly compiler: readonly string[];
  readonly package: string;
  readonly present: boolean;
}

const CROSS = {
  x64: { triplet: "x86_64-linux-gnu", package: "linux-libc-dev-amd64-cross", macro: "__x86_64__" },
  arm64: { triplet: "aarch64-linux-gnu", package: "linux-libc-dev-arm64-cross", macro: "__aarch64__" },
} as const;

/** This machine's own headers for its own architecture, Debian's cross headers for the other. */
export function headersOf(architecture: Architecture): Headers {
  const hasCompiler = Bun.which("cc") !== null;
  if (architecture === process.arch) {
    const present = hasCompiler && existsSync("/usr/include/linux/mount.h");
    return { compiler: ["cc"], package: "gcc libc6-dev linux-libc-dev", present };
  }
  const cross = CROSS[architecture];
  const folder = `/usr/${cross.triplet}/include`;
  // The kernel's headers ask the compiler only for the architecture; the rest is alike on both.
  const others = Object.values(CROSS).map(({ macro }) => `-U${macro}`);
  const compiler = ["cc", "-nostdinc", "-isystem", folder, ...others, `-D${cross.macro}=1`];
  return { compiler, package: cross.package, present: hasCompiler && existsSync(`${folder}/linux/mount.h`) };
}

/**
 * Has the compiler compare constants with the headers' own.
 * @param constants what each C expression must be equal to
 * @returns the compiler's complaints; empty when all are right
 */
export function compareWithHeaders(options: {
  headers: Headers;
  includes: readonly string[];
  constants: Readonly<Record<string, number>>;
}): string {
  const { headers, includes, constants } = options;
  const asserts = Object.entries(constants).map(
    ([expression, value]) => `_Static_assert((long long)(${expression}) == ${value}LL, "${expression}");`,
  );
  const source = [...includes.map((name) => `#include <${name}>`), ...asserts, ""].join("\n");
  const { exitCode, stderr } = compile([...headers.compiler, "-fsyntax-only"], source);
  return exitCode === 0 ? "" : stderr;
}

/** The names of all macros that a header defines. */
export function macrosOf(headers: Headers, include: string): string[] {
  const { stdout } = compile([...headers.compiler, "-E", "-dM"], `#include <${include}>\n`);
  return [...stdout.matchAll(/^#define (\w+)/gm)].map((match) => match[1] as string);
}

function compile(command: readonly string[], source: string) {
  const { exitCode, stdout, stderr } = Bun.spawnSync({
    cmd: [...command, "-x", "c", "-"],
    stdin: Buffer.from(source),
  });
  return { exitCode, stdout: stdout.toString(), stderr: stderr.toString() };
}
