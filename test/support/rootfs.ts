/** A rootfs for the tests, made once by the project's own `image make`. */
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DEFAULT_BINARIES, makeImage } from "../../src/image/make.ts";
import { ROOT } from "./launch.ts";
import { IS_ROOT } from "./privileged.ts";

const EXTRA = "mknod chroot unshare nc strace setpriv mktemp kill timeout tac od perl".split(" ");

/** An image in a temporary directory, with what the tests need. Remove it after all tests of the file. */
export function temporaryRootfs(): { readonly path: string; remove(): void } {
  const directory = mkdtempSync(join(tmpdir(), "rootfs-"));
  const path = join(directory, "image");
  // Without root none of the tests that use it runs, so an empty one has to do.
  if (IS_ROOT) cpSync(cachedImage(), path, { recursive: true, preserveTimestamps: true });
  else mkdirSync(join(path, "bin"), { recursive: true });
  return { path, remove: () => rmSync(directory, { recursive: true, force: true }) };
}

/** To look up the libraries of sixty programs takes a minute in an emulated machine, so that is done once. */
function cachedImage(): string {
  const programs = [...DEFAULT_BINARIES, ...EXTRA].filter((name) => Bun.which(name) !== null);
  // Another version of a program is another size or time, and so another image.
  const versions = programs.map((name) => {
    const { size, mtimeMs } = statSync(Bun.which(name) ?? "");
    return `${name} ${size} ${mtimeMs}`;
  });
  const path = `${ROOT}/.cache/rootfs-${process.arch}-${Bun.hash(versions.join("\n")).toString(16)}`;
  if (existsSync(path)) return path;
  mkdirSync(`${ROOT}/.cache`, { recursive: true });
  makeImage(path, programs);
  return path;
}

/** Whether a file is in the image. */
export function hasProgram(rootfs: string, name: string): boolean {
  return existsSync(join(rootfs, "bin", name));
}
