// Programs of the host that the harness cannot do without.

import { type Architecture, architectures } from "./architecture.ts";
import { run, say } from "./command.ts";

/** Makes sure that the host has qemu and what packs an initramfs; installs them with apt when it may. */
export async function ensureHostTools(architecture: Architecture): Promise<void> {
  const { qemuCommand, qemuPackage } = architectures[architecture];
  const wanted: Record<string, string> = {
    [qemuCommand]: qemuPackage,
    cpio: "cpio",
    xz: "xz-utils",
    "dpkg-deb": "dpkg",
    "apt-get": "apt",
  };
  const missing = Object.keys(wanted).filter((program) => Bun.which(program) === null);
  if (missing.length === 0) return;

  const packages = missing.map((program) => wanted[program] ?? program);
  if (Bun.which("apt-get") === null) {
    throw new Error(
      `missing here: ${missing.join(", ")}. The VM run takes its kernel from Debian packages with apt-get and` +
        " dpkg-deb, so it needs a Debian-based machine (or a container of one).",
    );
  }
  const install = ["apt-get", "install", "-y", "--no-install-recommends", ...packages];
  if (process.getuid?.() !== 0) {
    throw new Error(`missing here: ${missing.join(", ")}. As root, run: ${install.join(" ")}`);
  }
  say(`installing ${packages.join(" ")}`);
  await run(["apt-get", "update"]);
  await run(install);
}
