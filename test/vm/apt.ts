// Debian packages for any architecture and release, through apt, with lists and state of their own in the cache:
// the host's apt is asked where its mirror is and is otherwise left alone.

import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cache } from "./cache.ts";
import { run, say } from "./command.ts";

const debianKeyring = "/usr/share/keyrings/debian-archive-keyring.gpg";

/** apt for one architecture and a set of Debian releases. */
export interface Apt {
  /** The command `apt-get` or `apt-cache`, set up for this architecture and these releases. */
  command(program: "apt-get" | "apt-cache", ...words: string[]): string[];
}

/** Fetches the package lists of some Debian releases; throws when the mirror does not have them. */
export async function openApt(options: { debian: string; suites: readonly string[] }): Promise<Apt> {
  const { debian, suites } = options;
  const folder = join(cache, "apt", `${debian}-${suites.join("+")}`);
  for (const part of ["state/lists/partial", "cache/archives/partial"]) {
    mkdirSync(join(folder, part), { recursive: true });
  }
  // No package counts as installed: apt resolves as if for an empty machine.
  writeFileSync(join(folder, "status"), "");
  const mirror = await debianMirror();
  const key = existsSync(debianKeyring) ? `[signed-by=${debianKeyring}] ` : "";
  writeFileSync(
    join(folder, "sources.list"),
    suites.map((suite) => `deb ${key}${mirror} ${suite} main\n`).join(""),
  );

  const settings = [
    `APT::Architecture=${debian}`,
    `APT::Architectures=${debian}`,
    // Backports yield to the release they belong to, unless they are the default.
    `APT::Default-Release=${suites.at(-1)}`,
    `Dir::State=${folder}/state`,
    `Dir::State::status=${folder}/status`,
    `Dir::Cache=${folder}/cache`,
    `Dir::Etc::sourcelist=${folder}/sources.list`,
    "Dir::Etc::sourceparts=/dev/null",
    "Dir::Etc::preferences=/dev/null",
    "Dir::Etc::preferencesparts=/dev/null",
    // apt's download user may not be able to reach the cache folder; what it fetches is signed either way.
    "APT::Sandbox::User=root",
  ].flatMap((setting) => ["-o", setting]);
  const apt: Apt = { command: (program, ...words) => [program, ...settings, ...words] };

  say(`fetching the package lists of Debian ${suites.join(", ")} for ${debian}`);
  await run(apt.command("apt-get", "update", "--error-on=any"));
  return apt;
}

/** The versions of a package, as [version, version, ...] in no certain order. */
export async function packageVersions(apt: Apt, name: string): Promise<string[]> {
  // madison prints "name | version | where from" lines.
  const table = await run(apt.command("apt-cache", "madison", name));
  return table
    .split("\n")
    .filter((line) => line.includes(" Packages"))
    .map((line) => line.split("|")[1]?.trim() ?? "");
}

/** Downloads packages and all they depend on into `folder`, but only those whose name passes `choose`. */
export async function downloadWithDependencies(options: {
  apt: Apt;
  packages: readonly string[];
  folder: string;
  choose?: (name: string) => boolean;
}): Promise<void> {
  const { apt, packages, folder, choose = () => true } = options;
  const plan = await run(
    apt.command("apt-get", "install", "--print-uris", "-qq", "-y", "--no-install-recommends", ...packages),
  );
  // Lines read: 'URI' name_version_architecture.deb BYTES HASH
  const files = [...plan.matchAll(/^'[^']*' (\S+?)_(\S+)_\w+\.deb (\d+) /gm)].map((match) => ({
    name: match[1] ?? "",
    version: decodeURIComponent(match[2] ?? ""),
    bytes: Number(match[3]),
  }));
  const chosen = files.filter((file) => choose(file.name));
  if (chosen.length === 0) throw new Error(`apt plans no download for ${packages.join(" ")}`);
  const megabytes = Math.ceil(chosen.reduce((sum, file) => sum + file.bytes, 0) / 1e6);
  const list = chosen.length > 3 ? `${chosen.length} packages` : chosen.map((file) => file.name).join(", ");
  say(`downloading ${list} (${megabytes} MB)`);
  await run(apt.command("apt-get", "download", ...chosen.map((file) => `${file.name}=${file.version}`)), {
    cwd: folder,
  });
}

/** The mirror apt is set up with: the source that calls itself Debian, or whose address ends in /debian. */
async function debianMirror(): Promise<string> {
  const named = process.env.CRAB_CAN_DEBIAN_MIRROR;
  if (named !== undefined) return named;
  const query = ["apt-get", "indextargets", "--format", "$(REPO_URI) $(COMPONENT) $(ORIGIN)"];
  const fetched = await run([...query, "Created-By: Packages"]);
  // Before the first `apt-get update` nothing is known but what the sources say.
  const written = await run([...query, "--no-release-info", "Created-By: Packages"]);
  const targets = fetched + written;
  const sources = targets.split("\n").map((line) => line.split(" "));
  const debian =
    sources.find(([uri]) => uri !== undefined && /\/debian\/?$/.test(uri)) ??
    sources.find(([, component, origin]) => component === "main" && origin === "Debian");
  if (debian?.[0]) return debian[0];
  throw new Error(
    "apt on this machine has no Debian mirror set up (apt-get indextargets shows none)." +
      " Name one in the environment as CRAB_CAN_DEBIAN_MIRROR.",
  );
}
