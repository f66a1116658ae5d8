/** A container's cgroup: made, limited, joined, asked, removed. cgroups(7) */
import { readFileSync } from "node:fs";
import { CanError } from "../../can-error.ts";
import { tolerate } from "../../libc/call.ts";
import { O } from "../../libc/constants.ts";
import { close, mkdir, open, rmdir, write, writeValue } from "../../libc/file.ts";
import { statIfThere } from "../stat.ts";
import {
  type CgroupLayout,
  CONTROLLERS,
  type Controller,
  type ControllerPlace,
  detectCgroups,
} from "./detect.ts";
import type { CgroupUsage, Dialect, LimitWrite, ReadFile } from "./dialect.ts";
import { createLocked, removeDirectory, removeIfAbandoned, subdirectories } from "./directory.ts";
import type { Limits } from "./limits.ts";
import { V1 } from "./v1.ts";
import { V2 } from "./v2.ts";

/** All our cgroups are below this one. */
export const PARENT = "crab-can";
/**
 * The container lives one level below the directory that its name and the lock are on: what it can see of its cgroup
 * it could lock itself.
 */
const LEAF = "leaf";

/** What a container may be shown of its own cgroup. */
export type CgroupView =
  | { readonly kind: "unified"; readonly path: string }
  | { readonly kind: "per-controller"; readonly paths: Readonly<Record<string, string>> };

/** A container's cgroup. Disposal removes it, and ends what still runs in it. */
export interface Cgroup extends Disposable {
  /** Where each controller's directory is; several may share one. */
  readonly paths: ReadonlyMap<Controller, string>;
  /** Its cgroup.procs files: who writes "0" to each has joined. */
  readonly procsPaths: readonly string[];
  /** Its own directories, for the container to see; undefined when there are none. */
  readonly view: CgroupView | undefined;
  /** What has happened in it so far. */
  usage(): CgroupUsage;
}

/**
 * Makes `crab-can/<id>/leaf` in every hierarchy that has a controller we use, and writes the limits.
 * @throws {CanError} CAN-030 when a limit's controller is missing, CAN-031 when the kernel did not take a
 *   limit, CAN-032 when the name is in use
 */
export function createCgroup({
  id,
  limits,
  layout = detectCgroups(),
}: {
  id: string;
  limits: Limits;
  layout?: CgroupLayout;
}): Cgroup {
  demandControllers(limits, layout);
  const stack = new DisposableStack();
  try {
    const paths = new Map<Controller, string>();
    for (const [controller, place] of layout.controllers) {
      const path = `${place.mountPoint}/${PARENT}/${id}`;
      const leaf = `${path}/${LEAF}`;
      if (![...paths.values()].includes(leaf)) {
        const lock = createLocked(path, (parent) => {
          tolerate(["EEXIST"], () => mkdir({ path: parent }));
          handDown([place.mountPoint, parent], place, layout);
        });
        stack.defer(() => {
          removeDirectory(path);
          close(lock);
          removeParent(place);
        });
        handDown([path], place, layout);
        mkdir({ path: leaf });
      }
      paths.set(controller, leaf);
    }
    writeLimits(limits, layout, paths);
    const undo = stack.move();
    const procsPaths = [...new Set(paths.values())].map((path) => `${path}/cgroup.procs`);
    const view = viewOf(layout, paths);
    return {
      paths,
      procsPaths,
      view,
      usage: () => usageOf(layout, paths),
      [Symbol.dispose]: () => undo.dispose(),
    };
  } finally {
    stack.dispose();
  }
}

/** An open cgroup.procs file. */
export interface Gate {
  readonly fd: number;
  readonly path: string;
}

/**
 * Opens the cgroup.procs files while they can be reached: after pivot_root(2) they cannot.
 * @returns what `joinCgroup` takes; execve closes the descriptors
 * @throws {SyscallError} open(2)
 */
export function openFence(procsPaths: readonly string[]): Gate[] {
  return procsPaths.map((path) => ({ path, fd: open({ path, flags: O.O_WRONLY }) }));
}

/**
 * Joins a cgroup: from here on every byte and every process counts against its limits. "0" stands for the
 * process that writes. Close to execve is best: until then nothing of the runtime's is charged to it.
 * @param fence from `openFence`
 * @throws {SyscallError} write(2)
 */
export function joinCgroup(fence: readonly Gate[]): void {
  for (const { fd, path } of fence) write({ fd, path, data: "0" });
}

/** Removes the cgroups whose runtime process died without removing them. */
export function removeAbandonedCgroups(layout = detectCgroups()): void {
  for (const place of layout.controllers.values()) {
    const parent = `${place.mountPoint}/${PARENT}`;
    for (const child of subdirectories(parent)) {
      // One that cannot be removed is no reason not to run: it stays for the next sweep.
      tolerate(["EBUSY", "ENAMETOOLONG"], () => void removeIfAbandoned(`${parent}/${child}`));
    }
    if (statIfThere(parent) !== undefined) removeParent(place);
  }
}

function viewOf(layout: CgroupLayout, paths: ReadonlyMap<Controller, string>): CgroupView | undefined {
  const places = [...layout.controllers];
  const [first] = paths.values();
  if (first === undefined) return undefined;
  if (places.every(([, { version }]) => version === 2)) return { kind: "unified", path: first };
  const v1 = places.flatMap(([name, { version }]) => (version === 1 ? [[name, paths.get(name) ?? ""]] : []));
  return { kind: "per-controller", paths: Object.fromEntries(v1) };
}

function dialectOf(place: ControllerPlace): Dialect {
  return place.version === 1 ? V1 : V2;
}

/**
 * Version 2 hands a controller down one level at a time: a group's children have only what its
 * cgroup.subtree_control names. The processes themselves live in the leaves.
 */
function handDown(directories: readonly string[], place: ControllerPlace, layout: CgroupLayout): void {
  if (place.version === 1) return;
  const wanted = [...layout.controllers].flatMap(([name, { version }]) => (version === 2 ? [name] : []));
  for (const directory of directories) {
    const file = `${directory}/cgroup.subtree_control`;
    const enabled = readText(file)?.split(/\s+/) ?? [];
    const missing = wanted.filter((name) => !enabled.includes(name));
    // ENOENT: another run has removed the empty parent; the caller starts again.
    if (missing.length > 0) {
      tolerate(["ENOENT"], () =>
        writeValue({ path: file, value: missing.map((name) => `+${name}`).join(" ") }),
      );
    }
  }
}

/** The last one out removes the parent; while others are in it, the kernel refuses. */
function removeParent(place: ControllerPlace): void {
  tolerate(["EBUSY", "ENOTEMPTY", "ENOENT"], () => rmdir(`${place.mountPoint}/${PARENT}`));
}

function writeLimits(limits: Limits, layout: CgroupLayout, paths: ReadonlyMap<Controller, string>): void {
  for (const [controller, place] of layout.controllers) {
    for (const limit of dialectOf(place).writes(limits)) {
      if (limit.controller === controller) writeLimit(limit, `${paths.get(controller)}/${limit.file}`);
    }
  }
}

/** A limit that was written is not yet a limit that holds: it is read back. */
function writeLimit({ value, optional, holds }: LimitWrite, path: string): void {
  if (optional === true && readText(path) === undefined) return;
  writeValue({ path, value });
  const readBack = readText(path) ?? "";
  if (holds(readBack)) return;
  throw new CanError({
    code: "CAN-031",
    headline: "the kernel did not take a limit as it was written",
    notes: [`${path} was given ${JSON.stringify(value)} and reads ${JSON.stringify(readBack)}`],
    help: ["choose another value, or leave the limit out"],
    more: ["cgroups(7)"],
  });
}

function usageOf(layout: CgroupLayout, paths: ReadonlyMap<Controller, string>): CgroupUsage {
  // Under both versions at once each answer comes from the version that has the controller.
  const read =
    (version: 1 | 2): ReadFile =>
    (controller, file) =>
      layout.controllers.get(controller)?.version === version
        ? readText(`${paths.get(controller)}/${file}`)
        : undefined;
  const [one, two] = [V1.usage(read(1)), V2.usage(read(2))];
  return {
    oomKills: one.oomKills ?? two.oomKills,
    memoryBytesPeak: one.memoryBytesPeak ?? two.memoryBytesPeak,
    pidsLimitHits: one.pidsLimitHits ?? two.pidsLimitHits,
    cpuPeriodsThrottled: one.cpuPeriodsThrottled ?? two.cpuPeriodsThrottled,
    cpuPeriods: one.cpuPeriods ?? two.cpuPeriods,
  };
}

function demandControllers(limits: Limits, layout: CgroupLayout): void {
  const needed: Record<Controller, unknown> = {
    memory: limits.memoryBytesMax,
    cpu: limits.cpusMax,
    pids: limits.pidsMax,
  };
  const missing = CONTROLLERS.filter((name) => needed[name] !== undefined && !layout.controllers.has(name));
  if (missing.length === 0) return;
  throw new CanError({
    code: "CAN-030",
    headline: `this machine has no ${missing.join(" and no ")} controller to set the limit with`,
    notes: [
      `cgroups here: ${layout.kind}, with ${[...layout.controllers.keys()].join(", ") || "none of ours"}`,
    ],
    help: ["crab-can doctor says what is missing and how to mend it", "or run without that limit"],
    more: ["cgroups(7)"],
  });
}

/** A file's text without the final newline; undefined when there is no such file. */
function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8").trimEnd();
  } catch {
    return undefined;
  }
}
