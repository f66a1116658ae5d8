// The two machines Crab-Can runs on, and what everybody else calls them.

export type Architecture = "x64" | "arm64";

export interface ArchitectureNames {
  /** Debian's name, in package names and for apt. */
  debian: "amd64" | "arm64";
  /** Bun's package on npm. */
  bunPackage: string;
  qemuCommand: string;
  qemuPackage: string;
  qemuMachine: string;
  /** For emulation: a processor with all qemu knows. */
  qemuProcessor: string;
  console: string;
}

export const architectures: Record<Architecture, ArchitectureNames> = {
  x64: {
    debian: "amd64",
    bunPackage: "@oven/bun-linux-x64",
    qemuCommand: "qemu-system-x86_64",
    qemuPackage: "qemu-system-x86",
    qemuMachine: "q35",
    qemuProcessor: "max",
    console: "ttyS0",
  },
  arm64: {
    debian: "arm64",
    bunPackage: "@oven/bun-linux-aarch64",
    qemuCommand: "qemu-system-aarch64",
    qemuPackage: "qemu-system-arm",
    qemuMachine: "virt,gic-version=max",
    // Signed pointers in a cipher of qemu's own: the standard one would be slow to emulate.
    qemuProcessor: "max,pauth-impdef=on",
    console: "ttyAMA0",
  },
};

export function isArchitecture(word: string | undefined): word is Architecture {
  return word === "x64" || word === "arm64";
}

/** The architecture of the machine this runs on. */
export function hostArchitecture(): Architecture {
  if (isArchitecture(process.arch)) return process.arch;
  throw new Error(`the VM harness runs on x64 and arm64, not on ${process.arch}`);
}
