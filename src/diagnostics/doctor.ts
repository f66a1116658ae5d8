/** What this machine can do for containers: observed, with what it means for the phases and how to mend it. */
import { existsSync, readFileSync } from "node:fs";
import { release } from "node:os";
import { CAPABILITIES } from "../libc/constants.ts";
import { CONTROLLERS, detectCgroups } from "../linux/cgroup/detect.ts";
import { parseStatus } from "../linux/proc.ts";
import { sudoLine } from "./root.ts";

/** "ok": fine; "note": good to know; "missing": something will not work. */
export type Verdict = "ok" | "note" | "missing";

export interface Finding {
  readonly topic: string;
  readonly verdict: Verdict;
  /** What was observed. */
  readonly found: string;
  /** What that means for the phases and for `crab-can run`. */
  readonly means: string;
  /** What to do about it; only where something can be done. */
  readonly mend?: string;
}

/** The machine, as far as doctor looks at it. A test gives it other machines. */
export interface Machine {
  readonly uid: number;
  readonly kernel: string;
  /** The text of a file, or undefined when there is none. */
  read(path: string): string | undefined;
  exists(path: string): boolean;
}

/** The machine we run on. */
export function thisMachine(): Machine {
  return {
    uid: process.geteuid?.() ?? -1,
    kernel: release(),
    exists: existsSync,
    read: (path) => {
      try {
        return readFileSync(path, "utf8");
      } catch {
        return undefined;
      }
    },
  };
}

/** Examines the machine. */
export function examine(machine: Machine, layout = detectCgroups()): Finding[] {
  return [
    root(machine),
    kernel(machine),
    namespaces(machine),
    ...cgroups(layout),
    processes(machine),
    swap(machine),
    overlay(machine),
    userNamespaces(machine),
    ...surroundings(machine),
  ];
}

function root({ uid }: Machine): Finding {
  const topic = "root";
  if (uid === 0) return { topic, verdict: "ok", found: "you are root", means: "every phase can run" };
  return {
    topic,
    verdict: "missing",
    found: `you are user ${uid}`,
    means: "phase 1 runs; phases 2 to 4 and crab-can run need root",
    mend: sudoLine(),
  };
}

const KERNEL_MIN = [5, 12] as const;

function kernel({ kernel: text }: Machine): Finding {
  const topic = "kernel";
  const [major = 0, minor = 0] = text.split(/[.-]/).map(Number);
  const enough = major > KERNEL_MIN[0] || (major === KERNEL_MIN[0] && minor >= KERNEL_MIN[1]);
  if (enough) return { topic, verdict: "ok", found: text, means: "every call that is used is there" };
  return {
    topic,
    verdict: "missing",
    found: text,
    means: "mount_setattr(2) is missing: phases 3 and 4 and crab-can run fail; it came with Linux 5.12",
    mend: "update the kernel (on WSL2: wsl --update)",
  };
}

function namespaces({ exists }: Machine): Finding {
  const missing = ["cgroup", "ipc", "mnt", "net", "pid", "uts"].filter(
    (name) => !exists(`/proc/self/ns/${name}`),
  );
  const topic = "namespaces";
  if (missing.length === 0)
    return {
      topic,
      verdict: "ok",
      found: "pid, uts, net, mnt, ipc, cgroup",
      means: "phases 2 to 4 can isolate",
    };
  return {
    topic,
    verdict: "missing",
    found: `no ${missing.join(", ")}`,
    means: "phases 2 to 4 fail at unshare(2)",
    mend: "boot a kernel with CONFIG_NAMESPACES and all kinds of it, as distributions have",
  };
}

function cgroups(layout: ReturnType<typeof detectCgroups>): Finding[] {
  const kind = {
    v1: "version 1",
    v2: "version 2",
    hybrid: "versions 1 and 2 side by side",
    none: "not mounted",
  };
  const missing = CONTROLLERS.filter((name) => !layout.controllers.has(name));
  const first: Finding = {
    topic: "cgroups",
    verdict: layout.kind === "none" ? "missing" : "ok",
    found: kind[layout.kind],
    means: layout.kind === "none" ? "phase 4 has no fence to build" : "phase 4 speaks this version",
    ...(layout.kind === "none" ? { mend: "mount -t cgroup2 none /sys/fs/cgroup" } : {}),
  };
  const places = [...layout.controllers].map(([name, { version }]) => `${name} (v${version})`).join(", ");
  const second: Finding = {
    topic: "controllers",
    verdict: missing.length === 0 ? "ok" : "missing",
    found: places === "" ? "none" : places,
    means:
      missing.length === 0
        ? "every limit can be set"
        : `no limit for ${missing.join(", ")}; everything else works`,
    ...(missing.length === 0
      ? {}
      : {
          mend: "boot with the controllers on (for memory on some machines: cgroup_enable=memory on the kernel's command line)",
        }),
  };
  return [first, second];
}

function processes({ read }: Machine): Finding {
  const max = read("/proc/sys/kernel/pid_max")?.trim() ?? "an unknown number";
  return {
    topic: "processes",
    verdict: "note",
    found: `the machine has room for ${max}`,
    means: "a container without --pids may use them all: a fork bomb in it stops the whole machine",
    mend: "give a limit: crab-can run --pids 64 …",
  };
}

function swap({ read, exists }: Machine): Finding {
  const topic = "swap";
  const lines = (read("/proc/swaps") ?? "").trim().split("\n").slice(1);
  if (lines.length === 0) return { topic, verdict: "ok", found: "none", means: "memory limits bite at once" };
  const accounted =
    exists("/sys/fs/cgroup/memory/memory.memsw.limit_in_bytes") || !exists("/sys/fs/cgroup/memory");
  return {
    topic,
    verdict: accounted ? "ok" : "note",
    found: `${lines.length} in use`,
    means: accounted
      ? "switched off for a container with a memory limit, so the limit bites"
      : "the kernel does not account for swap: a container over its limit is swapped before it is killed",
    ...(accounted ? {} : { mend: "boot with swapaccount=1, or swapoff -a while you watch phase 4" }),
  };
}

function overlay({ read }: Machine): Finding {
  const known = /\boverlay$/m.test(read("/proc/filesystems") ?? "");
  return {
    topic: "overlay",
    verdict: known ? "ok" : "note",
    found: known ? "known to the kernel" : "not loaded",
    means: "not needed by any phase: an image is a directory, used as it is",
    ...(known ? {} : { mend: "modprobe overlay" }),
  };
}

function userNamespaces({ read }: Machine): Finding {
  const max = Number(read("/proc/sys/user/max_user_namespaces") ?? "0");
  const restricted =
    read("/proc/sys/kernel/unprivileged_userns_clone")?.trim() === "0" ||
    read("/proc/sys/kernel/apparmor_restrict_unprivileged_userns")?.trim() === "1";
  const usable = max > 0 && !restricted;
  return {
    topic: "user namespaces",
    verdict: usable ? "ok" : "note",
    found: usable ? "allowed" : max > 0 ? "for root only" : "off",
    means: "not needed by phases 1 to 4, which run as root",
    ...(usable || max > 0 ? {} : { mend: "sysctl user.max_user_namespaces=10000" }),
  };
}

function surroundings({ read, exists }: Machine): Finding[] {
  const findings: Finding[] = [];
  if (/microsoft/i.test(read("/proc/version") ?? "")) {
    findings.push({
      topic: "WSL2",
      verdict: "note",
      found: "this is the Windows Subsystem for Linux",
      means: "everything works; old versions mount cgroup version 1",
      mend: "for version 2: put kernelCommandLine=cgroup_no_v1=all under [wsl2] into .wslconfig, then wsl --shutdown",
    });
  }
  const container =
    ["/.dockerenv", "/run/.containerenv"].find(exists) ?? containerOf(read("/proc/1/environ"));
  const effective = BigInt(`0x${parseStatus(read("/proc/self/status") ?? "").get("CapEff") ?? "0"}`);
  const privileged = ((effective >> BigInt(CAPABILITIES.indexOf("CAP_SYS_ADMIN"))) & 1n) === 1n;
  if (container !== undefined) {
    findings.push({
      topic: "container",
      verdict: "note",
      found: `this is a container already (${container})`,
      means: privileged
        ? "it has the privileges that phases 2 to 4 need; its own limits hold too"
        : "phases 2 to 4 need it to be privileged; its own limits hold too",
      ...(privileged
        ? {}
        : { mend: "docker run --privileged --cgroupns=host -v /sys/fs/cgroup:/sys/fs/cgroup …" }),
    });
  }
  return findings;
}

function containerOf(environ: string | undefined): string | undefined {
  return environ?.split("\0").find((entry) => entry.startsWith("container="));
}
