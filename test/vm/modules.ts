// Kernel modules: which ones a module needs before it, and a copy of them for the initramfs.

import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { Glob } from "bun";
import { run } from "./command.ts";

/**
 * Copies the wanted modules and all they depend on, decompressed, and lists them in a file "order" as they have to be loaded.
 * Modules that are built into the kernel are left out.
 */
export async function copyModules(options: {
  from: string;
  to: string;
  wanted: readonly string[];
}): Promise<void> {
  const { from, to, wanted } = options;
  const builtIn = new Set(
    readFileSync(join(from, "modules.builtin"), "utf8").split("\n").filter(Boolean).map(moduleName),
  );
  const files = new Map<string, string>();
  for (const file of new Glob("**/*.ko{,.xz,.zst}").scanSync(from)) {
    files.set(moduleName(file), join(from, file));
  }

  const loaded = new Set<string>();
  const order: string[] = [];
  async function load(name: string): Promise<void> {
    if (builtIn.has(name) || loaded.has(name)) return;
    loaded.add(name);
    const file = files.get(name);
    if (file === undefined) throw new Error(`the kernel has no module ${name}`);
    const plain = join(to, `${name}.ko`);
    await decompress(file, plain);
    for (const needed of dependencies(plain)) await load(needed);
    order.push(name);
  }
  for (const name of wanted) await load(name);

  writeFileSync(join(to, "order"), `${order.map((name) => `${name}.ko`).join("\n")}\n`);
}

/** kernel/fs/9p/9p.ko.xz is 9p; file names may have a dash where the kernel says underscore. */
function moduleName(file: string): string {
  return basename(file)
    .replace(/\.ko(\.xz|\.zst)?$/, "")
    .replaceAll("-", "_");
}

async function decompress(file: string, plain: string): Promise<void> {
  if (file.endsWith(".ko")) {
    copyFileSync(file, plain);
  } else {
    const tool = file.endsWith(".xz") ? "xz" : "zstd";
    await run(["sh", "-c", `${tool} -dc "$1" >"$2"`, "sh", file, plain]);
  }
}

/** A module names what it needs in its .modinfo section, as the string "depends=one,two". */
function dependencies(plain: string): string[] {
  const text = readFileSync(plain, "latin1");
  const names = /\0depends=([^\0]*)\0/.exec(text)?.[1] ?? "";
  return names.split(",").filter(Boolean).map(moduleName);
}
