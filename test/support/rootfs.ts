/** A rootfs for the tests, made once by the project's own `image make`. */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DEFAULT_BINARIES, makeImage } from "../../src/image/make.ts";

const EXTRA = [
  "mknod",
  "chroot",
  "unshare",
  "nc",
  "strace",
  "setpriv",
  "mktemp",
  "kill",
  "timeout",
  "tac",
  "od",
  "perl",
];

/** An image in a temporary directory, with what the tests need. Remove it after all tests of the file. */
export function temporaryRootfs(): { readonly path: string; remove(): void } {
  const directory = mkdtempSync(join(tmpdir(), "rootfs-"));
  const path = join(directory, "image");
  makeImage(
    path,
    [...DEFAULT_BINARIES, ...EXTRA].filter((name) => Bun.which(name) !== null),
  );
  return { path, remove: () => rmSync(directory, { recursive: true, force: true }) };
}

/** Whether a file is in the image. */
export function hasProgram(rootfs: string, name: string): boolean {
  return existsSync(join(rootfs, "bin", name));
}
