/** A minimal /dev: the devices every program expects, and none that reaches the machine's hardware. */
import { MOUNT_ATTR, MS } from "../libc/constants.ts";
import { createFile, mkdir, symlink } from "../libc/file.ts";
import { mount } from "../libc/namespace.ts";
import { bind, mountTmpfs } from "./mounts.ts";

/** Turns a path inside a rootfs ("dev/null") into one that the kernel can be given. */
export type Locate = (path: string) => string;

/** Read-only keeps a container from changing the owner or mode of the host's own node; writing *to* it works. */
const GUARDED = MOUNT_ATTR.MOUNT_ATTR_RDONLY | MOUNT_ATTR.MOUNT_ATTR_NOSUID | MOUNT_ATTR.MOUNT_ATTR_NOEXEC;
const DEVICES = ["null", "zero", "full", "random", "urandom", "tty"];
const LINKS = {
  fd: "/proc/self/fd",
  stdin: "/proc/self/fd/0",
  stdout: "/proc/self/fd/1",
  stderr: "/proc/self/fd/2",
  ptmx: "pts/ptmx",
};

/**
 * Builds /dev on a tmpfs: six devices, pseudo-terminals of its own, shared memory, the usual links.
 *
 * The devices are binds of the host's nodes. The tmpfs itself is nodev, so a node that somebody makes in the
 * container with mknod(2), say of the host's disk, cannot be opened.
 * @param locate finds "dev" and what is below it
 * @throws {SyscallError} mount(2), open(2), symlink(2)
 */
export function mountDev(locate: Locate): void {
  mountTmpfs({
    target: locate("dev"),
    options: "mode=755,size=64k",
    flags: MS.MS_NOEXEC | MS.MS_STRICTATIME,
  });
  const dev = locate("dev"); // again: now it is the tmpfs
  for (const name of DEVICES) {
    createFile({ path: `${dev}/${name}`, text: "" });
    bind({ source: `/dev/${name}`, locate: () => locate(`dev/${name}`), set: GUARDED });
  }
  mkdir({ path: `${dev}/pts` });
  const pts = "newinstance,ptmxmode=0666,mode=0620,gid=5";
  mount({
    source: "devpts",
    target: locate("dev/pts"),
    type: "devpts",
    flags: MS.MS_NOSUID | MS.MS_NOEXEC,
    data: pts,
  });
  mkdir({ path: `${dev}/shm` });
  mountTmpfs({ target: locate("dev/shm"), options: "mode=1777,size=64m", flags: MS.MS_NOEXEC });
  for (const [name, target] of Object.entries(LINKS)) symlink({ target, path: `${dev}/${name}` });
}

/**
 * Shows the command's terminal as /dev/console: its own name, in the host's /dev/pts, means nothing in here, and
 * programs such as tty(1) look it up by device.
 * @throws {SyscallError} open(2), mount(2)
 */
export function mountConsole(locate: Locate, terminal: string): void {
  createFile({ path: `${locate("dev")}/console`, text: "" });
  bind({ source: terminal, locate: () => locate("dev/console"), set: GUARDED });
}
