// Where downloads are kept, so that a second run needs no network.

import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { dirname, join, resolve } from "node:path";

/** The repository this file is in: the guest sees it at the same path. */
export const repository = resolve(import.meta.dir, "../..");

/** Everything the harness writes lies below this folder, which git ignores. */
export const cache = process.env.CRAB_CAN_VM_CACHE ?? join(repository, ".cache/vm");

/**
 * A folder of the cache, made by `fill` the first time it is asked for.
 * `fill` works on another name, so that a run that is cut short leaves nothing that looks finished.
 */
export async function cachedFolder(name: string, fill: (folder: string) => Promise<void>): Promise<string> {
  const folder = join(cache, name);
  if (existsSync(folder)) return folder;
  const unfinished = `${folder}.unfinished-${process.pid}`;
  mkdirSync(unfinished, { recursive: true });
  try {
    await fill(unfinished);
    mkdirSync(dirname(folder), { recursive: true });
    renameSync(unfinished, folder);
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
  return folder;
}
