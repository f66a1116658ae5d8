/** From a failed system call and what the host looks like to an explanation. Observe, then say; never guess. */
import { existsSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { CanError, type CanErrorOptions } from "../can-error.ts";
import { SyscallError } from "../libc/call.ts";
import { CAPABILITIES } from "../libc/constants.ts";
import { mountOf, readMounts } from "../linux/mountinfo.ts";
import { readStatus } from "../linux/proc.ts";

/** Turns whatever was thrown into the one shape users get to see. */
export function explainFailure(error: unknown): CanError {
  if (error instanceof CanError) return error;
  const at = lessonLine(error);
  if (error instanceof SyscallError) return new CanError({ ...explainCall(error), call: error.message, at });
  if (at !== undefined) return lessonFailure(error, at);
  return new CanError({
    code: "CAN-098",
    headline: `Crab-Can has a bug: ${error instanceof Error ? error.message : String(error)}`,
    notes: error instanceof Error && error.stack !== undefined ? [error.stack] : [],
    help: ["please report it, with the command line and this text"],
  });
}

/** The line of the phase or lab that was running, e.g. "phases/3-jail.ts:31"; undefined anywhere else. */
function lessonLine(error: unknown): string | undefined {
  const stack = error instanceof Error ? (error.stack ?? "") : "";
  return /((?:phases|labs)\/[\w./-]+\.ts:\d+)/.exec(stack)?.[1];
}

function lessonFailure(error: unknown, at: string): CanError {
  return new CanError({
    code: "CAN-097",
    headline: `the lesson's own code failed: ${error instanceof Error ? error.message : String(error)}`,
    at,
    help: ["mend that line"],
  });
}

function explainCall(error: SyscallError): CanErrorOptions {
  if (error.syscall === "pivot_root") return explainPivotRoot(error);
  if (error.code === "EPERM" || error.code === "EACCES") return explainRefused(error);
  if (error.syscall === "mount" && error.code === "ENOENT") return explainMissing(error);
  if (error.code === "ENOSPC" && error.syscall === "unshare") return explainNamespaceLimit();
  const path = String(error.args.path ?? "");
  if (error.code === "EBUSY" && path.endsWith("cgroup.subtree_control")) return explainBusyGroup(path);
  return unexplained(error);
}

/** Nothing certain is known: then only the call and its errno are said. */
function unexplained({ syscall }: SyscallError): CanErrorOptions {
  return { code: "CAN-099", headline: `the kernel refused ${syscall}`, more: [`${syscall}(2)`] };
}

/** EINVAL and EBUSY depend on the mount layout, so the layout is looked at. */
function explainPivotRoot(error: SyscallError): CanErrorOptions {
  const asked = String(error.args.new_root);
  const path = asked === "." ? process.cwd() : asked;
  const mounts = readMounts();
  const mount = mounts.findLast((candidate) => candidate.mountPoint === path);
  if (mount === undefined) {
    return {
      code: "CAN-012",
      headline: `cannot pivot into ${path}: it is not a mount point`,
      notes: [`/proc/self/mountinfo has no entry for ${path}`],
      help: ["bind it onto itself first\nmount({ source: rootfs, target: rootfs, flags: MS_BIND | MS_REC })"],
      more: ["pivot_root(2)"],
    };
  }
  const parent = mounts.find(({ id }) => id === mount.parentId);
  const shared = [mount, parent].find((candidate) =>
    candidate?.propagation.some((tag) => tag.startsWith("shared")),
  );
  if (shared === undefined) return unexplained(error);
  return {
    code: "CAN-012",
    headline: `cannot pivot into ${path}: the mount at ${shared.mountPoint} is shared`,
    notes: [`/proc/self/mountinfo says ${shared.propagation.join(" ")} for ${shared.mountPoint}`],
    help: ["make the mounts private first\nmount({ target: '/', flags: MS_REC | MS_PRIVATE })"],
    more: ["pivot_root(2)", "mount_namespaces(7)"],
  };
}

function explainRefused(error: SyscallError): CanErrorOptions {
  const effective = BigInt(`0x${readStatus("self").get("CapEff") ?? "0"}`);
  const isAdmin = ((effective >> BigInt(CAPABILITIES.indexOf("CAP_SYS_ADMIN"))) & 1n) === 1n;
  if (isAdmin) return unexplained(error);
  return {
    code: "CAN-005",
    headline: `not allowed to call ${error.syscall}: this process has no CAP_SYS_ADMIN`,
    notes: [`CapEff in /proc/self/status is ${effective.toString(16)}`, ...containerNote()],
    help: [
      "run as root on the machine itself; in a docker container: docker run --privileged --cgroupns=host …",
    ],
    more: ["capabilities(7)", `${error.syscall}(2)`],
  };
}

function containerNote(): string[] {
  const marks = ["/.dockerenv", "/run/.containerenv"].filter((path) => existsSync(path));
  return marks.map((path) => `${path} exists: this seems to be a container itself`);
}

function explainMissing(error: SyscallError): CanErrorOptions {
  const paths = [error.args.source, error.args.target].filter(
    (path) => typeof path === "string" && path.startsWith("/"),
  );
  const missing = paths.filter((path) => !existsSync(String(path)));
  if (missing.length === 0) return unexplained(error);
  return {
    code: "CAN-014",
    headline: `cannot mount: ${missing.join(" and ")} does not exist`,
    help: missing.map((path) => `look what is there: ls -la ${dirname(String(path))}`),
    more: ["mount(2)"],
  };
}

function explainNamespaceLimit(): CanErrorOptions {
  const limits = ["mnt", "pid", "net", "uts", "ipc", "cgroup"].map((name) => {
    const path = `/proc/sys/user/max_${name}_namespaces`;
    return `${path} is ${existsSync(path) ? readFileSync(path, "utf8").trim() : "missing"}`;
  });
  return {
    code: "CAN-015",
    headline: "no more namespaces may be made on this machine",
    notes: limits,
    help: ["raise the one that is used up, for example: sysctl user.max_net_namespaces=10000"],
    more: ["namespaces(7)"],
  };
}

function explainBusyGroup(path: string): CanErrorOptions {
  const group = dirname(path);
  const procs = `${group}/cgroup.procs`;
  const processes = existsSync(procs) ? readFileSync(procs, "utf8").split("\n").length - 1 : 0;
  return {
    code: "CAN-033",
    headline: `cannot hand controllers down from ${group}: processes live in it`,
    notes: [
      `${group}/cgroup.procs lists ${processes} processes; a group cannot hold processes and hand controllers down as well`,
      `the mount is ${mountOf(readMounts(), group)?.type ?? "unknown"}`,
    ],
    help: [
      `move them into a leaf of their own first:\nmkdir ${group}/init && for p in $(cat ${group}/cgroup.procs); do echo $p > ${group}/init/cgroup.procs; done`,
    ],
    more: ["cgroups(7)"],
  };
}
