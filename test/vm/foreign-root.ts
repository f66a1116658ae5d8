// A root file system and a Bun for an architecture that is not this machine's own.

import {
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { downloadWithDependencies, openApt } from "./apt.ts";
import { type Architecture, architectures } from "./architecture.ts";
import { cachedFolder, repository } from "./cache.ts";
import { run, runShell, say } from "./command.ts";

const release = "bookworm";

/** `?essential` is apt's word for what no Debian machine can be without; the rest is what tests look with. */
const rootPackages = [
  "?essential",
  // Stands in for usrmerge, which would bring all of Perl.
  "usr-is-merged",
  "iproute2",
  "iputils-ping",
  "mount",
  "passwd",
  "procps",
  "strace",
  "util-linux",
  "busybox-static",
];

/** A minimal Debian for the architecture, made from packages without running anything of them. */
export async function prepareRoot(architecture: Architecture): Promise<string> {
  const { debian } = architectures[architecture];
  const downloads = await cachedFolder(`downloads/root-${architecture}`, async (folder) => {
    const apt = await openApt({ debian, suites: [release] });
    await downloadWithDependencies({ apt, packages: rootPackages, folder });
  });
  return cachedFolder(`roots/${architecture}`, (root) => unpackRoot({ downloads, root }));
}

async function unpackRoot({ downloads, root }: { downloads: string; root: string }): Promise<void> {
  say("unpacking the root file system");
  // Debian's /bin, /sbin and /lib are links into /usr, which no package brings along.
  for (const name of ["bin", "sbin", "lib"]) {
    mkdirSync(join(root, "usr", name), { recursive: true });
    symlinkSync(`usr/${name}`, join(root, name));
  }
  for (const name of readdirSync(downloads)) {
    // dpkg-deb -x would replace those links by folders.
    await runShell(
      'dpkg-deb --fsys-tarfile "$1" | tar -x --keep-directory-symlink -C "$2"',
      join(downloads, name),
      root,
    );
  }
  finishInstallation(root);
}

/** What the packages' installation scripts would have done, as far as anybody misses it. */
function finishInstallation(root: string): void {
  for (const name of ["passwd", "group"]) {
    copyFileSync(join(root, "usr/share/base-passwd", `${name}.master`), join(root, "etc", name));
  }
  for (const [link, target] of [
    ["usr/bin/awk", "mawk"],
    ["usr/bin/sh", "dash"],
  ] as const) {
    if (!existsSync(join(root, link))) symlinkSync(target, join(root, link));
  }
  for (const name of ["proc", "sys", "dev", "run", "tmp", "root", "home", "mnt", "opt", "srv"])
    mkdirSync(join(root, name), { recursive: true });
}

/** The Bun of package.json for the architecture, in the places npm puts it: a layer over the repository. */
export async function prepareBun(architecture: Architecture): Promise<string> {
  const { bunPackage } = architectures[architecture];
  const version = bunVersion();
  return cachedFolder(`bun/${architecture}-${version}`, async (folder) => {
    say(`downloading ${bunPackage} ${version}`);
    await run(["npm", "pack", "--silent", `${bunPackage}@${version}`], { cwd: folder });
    const archive = readdirSync(folder).find((name) => name.endsWith(".tgz"));
    if (archive === undefined) throw new Error(`npm pack ${bunPackage} left no archive`);
    const packageFolder = join(folder, "node_modules", bunPackage);
    mkdirSync(packageFolder, { recursive: true });
    await run(["tar", "-xzf", join(folder, archive), "--strip-components=1", "-C", packageFolder]);
    rmSync(join(folder, archive));
    for (const name of ["bun.exe", "bunx.exe"]) {
      const link = join(folder, "node_modules/bun/bin", name);
      mkdirSync(dirname(link), { recursive: true });
      linkSync(join(packageFolder, "bin/bun"), link);
    }
  });
}

function bunVersion(): string {
  const text = readFileSync(join(repository, "package.json"), "utf8");
  const version = (JSON.parse(text) as { dependencies?: Record<string, string> }).dependencies?.bun;
  if (version === undefined) throw new Error("package.json names no version of bun");
  return version;
}
