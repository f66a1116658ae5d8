/**
 * Finding places inside a rootfs that somebody hostile may have filled. Every path is resolved by openat2(2)
 * with the rootfs taken for "/", and what comes back stands for the very file that was found: a descriptor,
 * written as /proc/self/fd/N so that mount(2) can be given it. No check by path, no race after it.
 */

import { readFileSync, statSync } from "node:fs";
import { basename, dirname } from "node:path";
import { CanError } from "../can-error.ts";
import { ARCH } from "../libc/arch.ts";
import { SyscallError } from "../libc/call.ts";
import { O, RESOLVE } from "../libc/constants.ts";
import { close, createFile, fchdir, mkdir, open, openat2 } from "../libc/file.ts";
import { readMounts } from "./mountinfo.ts";
import { notADirectory } from "./mounts.ts";

const STRICT = RESOLVE.RESOLVE_IN_ROOT | RESOLVE.RESOLVE_NO_MAGICLINKS | RESOLVE.RESOLVE_NO_SYMLINKS;
const SCOPED = RESOLVE.RESOLVE_IN_ROOT | RESOLVE.RESOLVE_NO_MAGICLINKS;

export class InRoot implements Disposable {
  readonly #root: number;
  readonly #opened: number[] = [];

  /** @param rootfs path of the rootfs, on the host's own files */
  constructor(rootfs: string) {
    this.#root = open({ path: rootfs, flags: O.O_PATH | ARCH.O_DIRECTORY });
    this.#opened.push(this.#root);
  }

  /**
   * Finds a file or directory, refusing any symbolic link on the way.
   * @param path relative to the rootfs
   * @throws {SyscallError} openat2(2): ENOENT, ELOOP for a symbolic link
   */
  locate = (path: string): string => this.#find(path, O.O_PATH, STRICT);

  /** Like `locate`, or undefined when there is nothing. */
  find(path: string): string | undefined {
    return tolerateMissing(() => this.locate(path));
  }

  /**
   * Finds a directory to mount on, and makes it when it is missing.
   * @throws {CanError} CAN-013 when something else is there
   */
  mountPoint(path: string): string {
    try {
      return this.#find(path, O.O_PATH | ARCH.O_DIRECTORY, STRICT);
    } catch (error) {
      const code = error instanceof SyscallError ? error.code : "";
      if (code === "ELOOP") throw notADirectory(`/${path}`, "a symbolic link");
      if (code === "ENOTDIR") throw notADirectory(`/${path}`, "a file");
      if (code !== "ENOENT") throw error;
    }
    mkdir({ path: `${this.mountPoint(dirname(path))}/${basename(path)}` });
    return this.#find(path, O.O_PATH | ARCH.O_DIRECTORY, STRICT);
  }

  /**
   * Finds where a volume goes. Links in the image count, inside the image. What is missing is made, as the kind
   * of thing that will be mounted there.
   */
  volumePoint(path: string, kind: "directory" | "file"): string {
    const found = tolerateMissing(() => this.follow(path));
    if (found !== undefined) return found;
    const parent = this.volumePoint(dirname(path), "directory");
    if (kind === "directory") mkdir({ path: `${parent}/${basename(path)}` });
    else createFile({ path: `${parent}/${basename(path)}`, text: "" });
    return this.follow(path);
  }

  /**
   * Finds a file or directory, following the image's links, inside the image. Not the kernel's own links in /proc
   * (fd, root, cwd, exe): those lead out.
   * @throws {SyscallError} openat2(2)
   */
  follow = (path: string): string => this.#find(path, O.O_PATH, SCOPED);

  /**
   * Makes a directory the current one, found as `follow` does.
   * @throws {SyscallError} openat2(2), fchdir(2)
   */
  enter(path: string): void {
    fchdir(this.#open(path, O.O_PATH | ARCH.O_DIRECTORY, SCOPED));
  }

  /**
   * The mount at a place, as a root of its own: what is found below it is of that mount, wherever somebody who can
   * write the image moves the place meanwhile.
   * @param type the file system's, e.g. "proc"
   * @throws {CanError} CAN-016 when another mount, or none, is there
   */
  mounted(path: string, type: string): InRoot {
    const fd = this.#open(path, O.O_PATH | ARCH.O_DIRECTORY, STRICT);
    const mountId = Number(/^mnt_id:\s*(\d+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, "utf8"))?.[1]);
    const mount = readMounts().find(({ id }) => id === mountId);
    if (mount?.type === type && mount.root === "/") return new InRoot(`/proc/self/fd/${fd}`);
    throw new CanError({
      code: "CAN-016",
      headline: `/${path} of the container is not the ${type} that was mounted there`,
      notes: ["a volume covers it, or somebody else changes the image while the container is set up"],
      help: ["put volumes elsewhere, and use an image that nobody else can write"],
      more: ["mount_namespaces(7)"],
    });
  }

  /** Whether a located place is the root itself. */
  isRoot(located: string): boolean {
    const [root, place] = [statSync(`/proc/self/fd/${this.#root}`), statSync(located)];
    return root.dev === place.dev && root.ino === place.ino;
  }

  [Symbol.dispose](): void {
    for (const fd of this.#opened.splice(0)) close(fd);
  }

  #find(path: string, flags: number, resolve: number): string {
    return `/proc/self/fd/${this.#open(path, flags, resolve)}`;
  }

  #open(path: string, flags: number, resolve: number): number {
    const fd = openat2({ directory: this.#root, path, flags, resolve });
    this.#opened.push(fd);
    return fd;
  }
}

/** Whether what a located path stands for is a directory. */
export function isDirectory(located: string): boolean {
  return statSync(located).isDirectory();
}

function tolerateMissing(action: () => string): string | undefined {
  try {
    return action();
  } catch (error) {
    if (error instanceof SyscallError && error.code === "ENOENT") return undefined;
    throw error;
  }
}
