// A kernel from Debian: the newest one whose version starts as asked, with the modules the guest needs.

import { mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { type Apt, downloadWithDependencies, openApt, packageVersions } from "./apt.ts";
import { type Architecture, architectures } from "./architecture.ts";
import { cachedFolder } from "./cache.ts";
import { run, say } from "./command.ts";
import { copyModules } from "./modules.ts";

/**
 * Where kernels come from, the oldest and steadiest first. What is in backports changes with time, so it comes last.
 * A suite is listed with the ones it builds upon.
 */
const releases = [["bookworm"], ["trixie"], ["trixie", "trixie-backports"]] as const;

/** What the guest cannot start without (9p, overlay), and what a usual machine has at hand. */
const wantedModules = [
  "virtio_pci",
  "virtio_rng",
  "virtio_net",
  "9pnet_virtio",
  "9p",
  "overlay",
  "loop",
  "fuse",
  "veth",
  "bridge",
] as const;

/** A kernel that is ready to boot. */
export interface Kernel {
  /** As `uname -r` will say. */
  release: string;
  image: string;
  /** Modules as plain .ko files, and a file "order" that lists them as they have to be loaded. */
  modules: string;
  /** A busybox for the guest, linked statically. */
  busybox: string;
}

/** Finds the kernel in the cache, or downloads it. */
export async function prepareKernel(architecture: Architecture, version: string): Promise<Kernel> {
  const downloads = await cachedFolder(`downloads/linux-${architecture}-${version}`, (folder) =>
    downloadKernel({ architecture, version, folder }),
  );
  // The list of modules is part of the name: when it changes, the packages are unpacked again, not downloaded again.
  const modulesHash = Bun.hash(wantedModules.join()).toString(36).slice(0, 6);
  const folder = await cachedFolder(`kernels/${architecture}-${version}-${modulesHash}`, (unfinished) =>
    unpackKernel({ downloads, folder: unfinished }),
  );
  const image = readdirSync(folder).find((name) => name.startsWith("vmlinuz-"));
  if (image === undefined) throw new Error(`no kernel image in ${folder}; delete that folder and try again`);
  return {
    release: image.slice("vmlinuz-".length),
    image: join(folder, image),
    modules: join(folder, "modules"),
    busybox: join(folder, "busybox"),
  };
}

async function downloadKernel(options: { architecture: Architecture; version: string; folder: string }) {
  const { architecture, version, folder } = options;
  const { debian } = architectures[architecture];
  const kernelPackage = `linux-image-${debian}`;
  const seen = new Set<string>();
  for (const suites of releases) {
    const apt = await openAptIfThere({ debian, suites });
    if (apt === undefined) continue;
    const versions = await packageVersions(apt, kernelPackage);
    const found = newestMatch(versions, version);
    if (found === undefined) {
      for (const other of versions) seen.add(other);
      continue;
    }
    await downloadWithDependencies({
      apt,
      packages: [`${kernelPackage}=${found}`, "busybox-static"],
      folder,
      // Newer kernels come as several packages; tools for building an initramfs are of no use here.
      choose: (name) => /^(linux-(image|binary|base|modules)-[0-9]|busybox-static$)/.test(name),
    });
    return;
  }
  throw new Error(
    `the Debian mirror has no kernel ${version} for ${architecture}; it has: ${[...seen].join(", ") || "none"}`,
  );
}

async function openAptIfThere(options: {
  debian: string;
  suites: readonly string[];
}): Promise<Apt | undefined> {
  try {
    return await openApt(options);
  } catch (error) {
    say(`skipping Debian ${options.suites.join(", ")}: ${error instanceof Error ? error.message : error}`);
    return undefined;
  }
}

/** "6.1" is 6.1 or 6.1.176, never 6.12. */
function newestMatch(versions: readonly string[], wanted: string): string | undefined {
  return versions
    .filter((version) => version === wanted || /^[.-]/.test(version.slice(wanted.length)))
    .filter((version) => version.startsWith(wanted))
    .sort((left, right) => left.localeCompare(right, "en", { numeric: true }))
    .at(-1);
}

async function unpackKernel({ downloads, folder }: { downloads: string; folder: string }): Promise<void> {
  say("unpacking the kernel");
  const tree = join(folder, "tree");
  mkdirSync(tree);
  for (const name of readdirSync(downloads)) await run(["dpkg-deb", "-x", join(downloads, name), tree]);

  renameSync(await findOne(tree, "*/bin/busybox"), join(folder, "busybox"));
  const modulesFolder = dirname(await findOne(tree, "*/modules/*/modules.builtin"));
  // Older packages have the image in /boot, newer ones among the modules.
  renameSync(await findOne(tree, "*/vmlinuz*"), join(folder, `vmlinuz-${basename(modulesFolder)}`));
  mkdirSync(join(folder, "modules"));
  await copyModules({ from: modulesFolder, to: join(folder, "modules"), wanted: wantedModules });
  rmSync(tree, { recursive: true });
}

async function findOne(tree: string, pattern: string): Promise<string> {
  const found = (await run(["find", tree, "-type", "f", "-path", pattern])).trim();
  if (found === "" || found.includes("\n"))
    throw new Error(`expected one ${pattern} in the packages: ${found}`);
  return found;
}
