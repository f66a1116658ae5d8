/** A rootfs for the tests, made once by the project's own `image make`. */
import { cpSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DEFAULT_BINARIES, makeImage } from "../../src/image/make.ts";

const EXTRA = "mknod chroot unshare nc strace setpriv mktemp kill timeout tac od perl".split(" ");

/** One for the whole test process: to look up the libraries of sixty programs takes a minute in an emulated machine. */
const BASE = join(tmpdir(), `rootfs-base-${process.pid}`);

/** An image in a temporary directory, with what the tests need. Remove it after all tests of the file. */
export function temporaryRootfs(): { readonly path: string; remove(): void } {
  if (!existsSync(BASE)) {
    process.once("exit", () => rmSync(BASE, { recursive: true, force: true }));
    makeImage(
      BASE,
      [...DEFAULT_BINARIES, ...EXTRA].filter((name) => Bun.which(name) !== null),
    );
  }
  const directory = mkdtempSync(join(tmpdir(), "rootfs-"));
  const path = join(directory, "image");
  cpSync(BASE, path, { recursive: true, preserveTimestamps: true });
  return { path, remove: () => rmSync(directory, { recursive: true, force: true }) };
}

/** Whether a file is in the image. */
export function hasProgram(rootfs: string, name: string): boolean {
  return existsSync(join(rootfs, "bin", name));
}
