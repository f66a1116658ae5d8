/**
 * One cgroup directory and its life. Its owner holds a lock on the directory itself: the kernel frees that lock
 * when the owner dies, however it dies, so a directory without a lock is one that nobody will remove any more.
 */
import { fstatSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { CanError } from "../../can-error.ts";
import { ARCH } from "../../libc/arch.ts";
import { tolerate } from "../../libc/call.ts";
import { O } from "../../libc/constants.ts";
import { close, lockExclusive, mkdir, open, rmdir, writeValue } from "../../libc/file.ts";
import { kill } from "../../libc/process.ts";

const ATTEMPTS = 200;
const RETRY_MS = 10;

/**
 * Makes and locks a cgroup directory. One that a dead owner has left under this name is removed first.
 * @returns the descriptor that holds the lock
 * @throws {CanError} CAN-032 when a living owner has the name
 */
export function createLocked(path: string, prepareParent: (parent: string) => void): number {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    prepareParent(dirname(path));
    const outcome = tolerate(["EEXIST", "ENOENT"], () => mkdir({ path }));
    if (outcome === "ENOENT") continue; // another run has removed the empty parent
    if (outcome === "EEXIST") {
      if (!removeIfAbandoned(path)) throw nameInUse(path);
      continue;
    }
    const fd = lockIfFree(path);
    if (fd !== undefined) return fd; // otherwise a sweep took it for abandoned between the two calls
  }
  throw nameInUse(path);
}

/**
 * Removes a cgroup directory whose owner is dead, with what still runs in it.
 * @returns false when the owner lives
 */
export function removeIfAbandoned(path: string): boolean {
  const fd = lockIfFree(path);
  if (fd === undefined) return statSync(path, { throwIfNoEntry: false }) === undefined;
  try {
    removeDirectory(path);
  } finally {
    close(fd);
  }
  return true;
}

/**
 * Ends every process in a cgroup and removes it, with the cgroups below it. A process that is being torn down
 * keeps it busy for a moment, so removal is tried again for up to two seconds.
 * @throws {SyscallError} rmdir(2): EBUSY when something in it cannot be ended
 */
export function removeDirectory(path: string): void {
  for (let attempt = 1; ; attempt++) {
    for (const child of subdirectories(path)) removeDirectory(`${path}/${child}`);
    const outcome = tolerate(attempt < ATTEMPTS ? ["EBUSY", "ENOENT"] : ["ENOENT"], () => rmdir(path));
    if (outcome !== "EBUSY") return;
    killAll(path);
    Bun.sleepSync(RETRY_MS);
  }
}

/** The directories below a cgroup; none when it is gone. */
export function subdirectories(path: string): string[] {
  try {
    return readdirSync(path, { withFileTypes: true }).flatMap((entry) =>
      entry.isDirectory() ? [entry.name] : [],
    );
  } catch {
    return [];
  }
}

function lockIfFree(path: string): number | undefined {
  let fd: number | undefined;
  const outcome = tolerate(["ENOENT", "EAGAIN", "ENOTDIR"], () => {
    fd = open({ path, flags: O.O_RDONLY | ARCH.O_DIRECTORY });
    lockExclusive(fd);
  });
  if (fd === undefined) return undefined;
  // The lock counts only if the path still leads to what we have locked.
  const same = outcome === undefined && statSync(path, { throwIfNoEntry: false })?.ino === fstatSync(fd).ino;
  if (same) return fd;
  close(fd);
  return undefined;
}

function killAll(path: string): void {
  // Version 2 since Linux 5.14 does it in one go; elsewhere process by process, again on the next attempt.
  if (tolerate(["ENOENT"], () => writeValue({ path: `${path}/cgroup.kill`, value: "1" })) === undefined)
    return;
  for (const line of readFileSync(`${path}/cgroup.procs`, "utf8").split("\n")) {
    const pid = Number(line);
    if (pid > 1) tolerate(["ESRCH"], () => kill(pid, "SIGKILL"));
  }
}

function nameInUse(path: string): CanError {
  return new CanError({
    code: "CAN-032",
    headline: `a container with this name is running`,
    notes: [`its cgroup ${path} is locked by a living runtime process`],
    help: ["choose another --name, or leave it out for a random one"],
  });
}
