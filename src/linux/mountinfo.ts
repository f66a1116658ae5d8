/** Parser of /proc/PID/mountinfo. proc_pid_mountinfo(5) */
import { readFileSync } from "node:fs";

export interface Mount {
  readonly id: number;
  readonly parentId: number;
  /** Which directory of the file system is mounted here. */
  readonly root: string;
  readonly mountPoint: string;
  /** Options of this mount: ro, nosuid, nodev … */
  readonly options: readonly string[];
  /** "shared:5", "master:3" …; empty when the mount is private. */
  readonly propagation: readonly string[];
  readonly type: string;
  readonly source: string;
  /** Options of the file system itself. */
  readonly superOptions: readonly string[];
}

/** The mounts a process sees, in the kernel's order. */
export function readMounts(pid: number | "self" = "self"): Mount[] {
  return parseMountinfo(readFileSync(`/proc/${pid}/mountinfo`, "utf8"));
}

/** Parses the text of a mountinfo file. Lines it cannot read are left out. */
export function parseMountinfo(text: string): Mount[] {
  return text.split("\n").flatMap((line) => parseLine(line) ?? []);
}

function parseLine(line: string): Mount | undefined {
  const fields = line.split(" ");
  // Any number of optional fields stands between the options and a lone "-".
  const separator = fields.indexOf("-", 6);
  const [id, parentId, , root, mountPoint, options] = fields;
  const [type, source, superOptions] = fields.slice(separator + 1);
  if (separator < 0 || root === undefined || mountPoint === undefined || type === undefined) return undefined;
  return {
    id: Number(id),
    parentId: Number(parentId),
    root: unescapeOctal(root),
    mountPoint: unescapeOctal(mountPoint),
    options: (options ?? "").split(","),
    propagation: fields.slice(6, separator),
    type: unescapeOctal(type),
    source: unescapeOctal(source ?? ""),
    superOptions: unescapeOctal(superOptions ?? "").split(","),
  };
}

/** The kernel writes space, tab, newline and backslash as three octal digits. */
function unescapeOctal(text: string): string {
  if (!text.includes("\\")) return text;
  return text.replaceAll(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}

/** The mount that `path` lies on: the deepest mount point above it, the topmost of a stack. */
export function mountOf(mounts: readonly Mount[], path: string): Mount | undefined {
  let best: Mount | undefined;
  for (const mount of mounts) {
    const inside =
      mount.mountPoint === "/" || path === mount.mountPoint || path.startsWith(`${mount.mountPoint}/`);
    if (inside && (best === undefined || mount.mountPoint.length >= best.mountPoint.length)) best = mount;
  }
  return best;
}
