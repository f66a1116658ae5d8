/** Makes a small image of this machine's own programs and the libraries they need. */
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { CanError } from "../can-error.ts";

/** What a shell session wants; those that this machine has not got are left out. */
export const DEFAULT_BINARIES = (
  "sh bash ls cat echo printf ps id env hostname uname mount umount df du free kill sleep date head tail wc sort " +
  "cut tr grep sed awk find mkdir rmdir rm cp mv ln touch chmod chown stat readlink test true false seq yes dd " +
  "tee xargs which tty stty ip ping"
).split(" ");

const DIRECTORIES = ["bin", "dev", "etc", "proc", "root", "run", "sys", "tmp", "usr/bin", "var/tmp"];
const FILES: Readonly<Record<string, string>> = {
  "etc/passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n",
  "etc/group": "root:x:0:\ntty:x:5:\nnogroup:x:65534:\n",
  "etc/hosts": "127.0.0.1 localhost\n::1 localhost\n",
};

/** What has been put into an image. */
export interface MadeImage {
  readonly path: string;
  readonly binaries: readonly string[];
  readonly libraries: readonly string[];
}

/**
 * Makes the image. It is put together beside its place and moved there when it is complete.
 * @param binaries names on PATH or paths; none for the default list
 * @throws {CanError} CAN-050 when the directory is in use, CAN-051 for a binary that cannot go in
 */
export function makeImage(directory: string, binaries: readonly string[]): MadeImage {
  const path = resolve(directory);
  if (existsSync(path) && (!isDirectory(path) || readdirSync(path).length > 0)) throw inUse(path);
  const sources = binaries.length > 0 ? binaries.map(locateBinary) : DEFAULT_BINARIES.flatMap(locateIfThere);
  const libraries = new Set(sources.flatMap(librariesOf));
  let partial = "";
  try {
    partial = mkdtempSync(join(dirname(path), `.${basename(path)}.`));
    chmodSync(partial, 0o755);
    for (const name of DIRECTORIES) mkdirSync(join(partial, name), { recursive: true });
    for (const name of ["tmp", "var/tmp"]) chmodSync(join(partial, name), 0o1777);
    for (const [name, text] of Object.entries(FILES)) writeFileSync(join(partial, name), text);
    for (const source of sources) copyProgram(source, join(partial, "bin", basename(source)));
    for (const library of libraries) copyProgram(library, join(partial, library));
    renameSync(partial, path);
  } catch (error) {
    if (partial !== "") rmSync(partial, { recursive: true, force: true });
    throw error instanceof Error && "code" in error ? cannotWrite(path, error) : error;
  }
  return { path, binaries: sources.map((source) => basename(source)), libraries: [...libraries] };
}

/** The libraries and the loader in the output of ldd(1). */
function parseLdd(output: string): { paths: string[]; missing: string[] } {
  const lines = output.split("\n").map((line) => line.trim());
  const missing = lines.flatMap((line) => /^(\S+) => not found/.exec(line)?.[1] ?? []);
  const paths = lines.flatMap((line) => /(?:=> )?(\/\S+) \(0x[0-9a-f]+\)$/.exec(line)?.[1] ?? []);
  return { paths, missing };
}

function librariesOf(source: string): string[] {
  const { stdout, exitCode } = Bun.spawnSync(["ldd", source], { stderr: "ignore" });
  if (exitCode !== 0) return []; // statically linked: it needs nothing
  const { paths, missing } = parseLdd(stdout.toString());
  if (missing.length === 0) return paths;
  throw cannotGoIn(source, `it needs ${missing.join(", ")}, which this machine has not got either`);
}

function locateBinary(name: string): string {
  const found = name.includes("/") ? resolve(name) : Bun.which(name);
  if (found !== null && existsSync(found) && !isDirectory(found)) return found;
  throw cannotGoIn(name, "there is no such program on this machine");
}

function locateIfThere(name: string): string[] {
  const found = Bun.which(name);
  return found === null ? [] : [found];
}

function copyProgram(source: string, target: string): void {
  mkdirSync(dirname(target), { recursive: true });
  copyFileSync(source, target);
  chmodSync(target, 0o755);
}

function isDirectory(path: string): boolean {
  return statSync(path).isDirectory();
}

function inUse(path: string): CanError {
  return new CanError({
    code: "CAN-050",
    headline: `${path} exists and is not an empty directory`,
    notes: ["nothing was changed"],
    help: ["name a directory that does not exist yet"],
  });
}

function cannotWrite(path: string, error: Error): CanError {
  return new CanError({
    code: "CAN-052",
    headline: `cannot make an image at ${path}`,
    notes: [error.message],
    help: ["name a place that you may write to, for example /tmp/rootfs"],
  });
}

function cannotGoIn(name: string, reason: string): CanError {
  return new CanError({
    code: "CAN-051",
    headline: `cannot put ${JSON.stringify(name)} into an image: ${reason}`,
    help: ["name programs of this machine: crab-can image make ./rootfs sh ls"],
  });
}
