/** Every constant we hand to the kernel, compared with the kernel's own headers for both architectures. */
import { describe, expect, test } from "bun:test";
import { ARCHITECTURES, type Architecture, COMMON_SYSCALLS, SYS } from "../../src/libc/arch.ts";
import * as constants from "../../src/libc/constants.ts";
import { errnoName, errnoTable } from "../../src/libc/errno.ts";
import { compareWithHeaders, headersOf, macrosOf } from "../support/unit-headers.ts";

/** Which headers define each export of constants.ts; "libcOnly": not without the headers of a libc. */
const TABLES: Readonly<Record<string, { includes: readonly string[]; libcOnly?: boolean }>> = {
  CLONE: { includes: ["linux/sched.h"] },
  MS: { includes: ["linux/mount.h"] },
  MNT: { includes: ["sys/mount.h"], libcOnly: true },
  MOUNT_ATTR: { includes: ["linux/mount.h"] },
  AT: { includes: ["linux/fcntl.h"] },
  O: { includes: ["linux/fcntl.h"] },
  RESOLVE: { includes: ["linux/openat2.h"] },
  WAIT: { includes: ["linux/wait.h"] },
  PR: { includes: ["linux/prctl.h"] },
  PR_CAP_AMBIENT_CLEAR_ALL: { includes: ["linux/prctl.h"] },
  SECCOMP_MODE_FILTER: { includes: ["linux/seccomp.h"] },
  LOCK: { includes: ["linux/fcntl.h"] },
  CLOSE_RANGE_CLOEXEC: { includes: ["linux/close_range.h"] },
  RLIMIT_NOFILE: { includes: ["linux/resource.h"] },
  IOCTL: { includes: ["asm/ioctls.h", "linux/ioctl.h", "linux/sockios.h"] },
  IFF: { includes: ["linux/if.h"], libcOnly: true },
  SIGNALS: { includes: ["linux/signal.h"] },
  SIGNAL_MAX: { includes: ["signal.h"], libcOnly: true },
  CAPABILITIES: { includes: ["linux/capability.h"] },
};
/** Names that are ours, with the headers' way to say the same. */
const SPELLING: Readonly<Record<string, string>> = { SIGNAL_MAX: "_NSIG - 1" };

const ARCHITECTURE_NAMES = Object.keys(ARCHITECTURES) as Architecture[];

/** An export of constants.ts as C expressions and their values. */
function expressionsOf(name: string, value: unknown): Record<string, number> {
  if (typeof value === "number") return { [SPELLING[name] ?? name]: value };
  // An array's index is the number; an object holds name and number.
  const entries = Array.isArray(value)
    ? value.map((key, index) => [String(key), index] as const)
    : Object.entries(value as Record<string, number>);
  return Object.fromEntries(entries);
}

const EXPORTS = Object.entries(constants).filter(([, value]) => typeof value !== "function");

test("the table of headers has every export of constants.ts and nothing else", () => {
  expect(EXPORTS.map(([name]) => name).sort()).toEqual(Object.keys(TABLES).sort());
});

describe.each(ARCHITECTURE_NAMES)("on %s", (architecture) => {
  const headers = headersOf(architecture);
  const isHost = architecture === process.arch;
  const needs = headers.present ? "" : ` (skipped: it needs cc and the package ${headers.package})`;
  const check = test.skipIf(!headers.present);
  const tables = EXPORTS.filter(([name]) => isHost || TABLES[name]?.libcOnly !== true);

  check.each(tables)(`%s is what the headers say${needs}`, (name, value) => {
    const expressions = expressionsOf(name, value);
    expect(Object.keys(expressions).length).toBeGreaterThan(0);
    const includes = TABLES[name]?.includes ?? [];
    expect(compareWithHeaders({ headers, includes, constants: expressions })).toBe("");
  });

  check(`the system calls have the numbers of asm/unistd.h${needs}`, () => {
    const numbers = { ...ARCHITECTURES[architecture].syscalls, ...COMMON_SYSCALLS };
    const expressions = Object.fromEntries(
      Object.entries(numbers).map(([name, number]) => [`__NR_${name}`, number]),
    );
    expect(compareWithHeaders({ headers, includes: ["asm/unistd.h"], constants: expressions })).toBe("");
  });

  check(`the flags of open(2) that differ are those of asm/fcntl.h${needs}`, () => {
    const { syscalls: _, AUDIT_ARCH: __, ...flags } = ARCHITECTURES[architecture];
    expect(Object.keys(flags)).toContain("O_DIRECTORY");
    expect(compareWithHeaders({ headers, includes: ["asm/fcntl.h"], constants: { ...flags } })).toBe("");
  });

  check(`the architecture has the number that seccomp filters compare with${needs}`, () => {
    const name = { x64: "AUDIT_ARCH_X86_64", arm64: "AUDIT_ARCH_AARCH64" }[architecture];
    const constants = { [`(unsigned)${name}`]: ARCHITECTURES[architecture].AUDIT_ARCH };
    expect(compareWithHeaders({ headers, includes: ["linux/audit.h"], constants })).toBe("");
  });

  check(`every error number has the name of asm/errno.h, and none is missing${needs}`, () => {
    const table = Object.fromEntries(errnoTable());
    expect(compareWithHeaders({ headers, includes: ["asm/errno.h"], constants: table })).toBe("");
    const aliases = ["EWOULDBLOCK", "EDEADLOCK"];
    const known = macrosOf(headers, "asm/errno.h").filter((name) => /^E[A-Z0-9]+$/.test(name));
    expect(known.length).toBeGreaterThan(100);
    expect(known.filter((name) => !(name in table) && !aliases.includes(name))).toEqual([]);
  });

  check(`every signal below 32 is named, and none is missing${needs}`, () => {
    const aliases = ["SIGIOT", "SIGPOLL", "SIGUNUSED", "SIGRTMIN", "SIGRTMAX", "SIGSTKSZ", "SIGLOST"];
    const known = macrosOf(headers, "linux/signal.h").filter((name) => /^SIG[A-Z0-9]+$/.test(name));
    expect(known.filter((name) => !(name in constants.SIGNALS) && !aliases.includes(name))).toEqual([]);
    expect(Object.values<number>(constants.SIGNALS)).toEqual(
      Array.from({ length: 31 }, (_, index) => index + 1),
    );
  });

  check(`a wrong value, a wrong name and a missing header are noticed${needs}`, () => {
    const compare = (include: string, wrong: Record<string, number>) =>
      compareWithHeaders({ headers, includes: [include], constants: wrong });
    expect(compare("linux/sched.h", { CLONE_NEWNS: 0x0002_0001 })).toContain("CLONE_NEWNS");
    expect(compare("linux/sched.h", { CLONE_NEWNOTHING: 1 })).toContain("CLONE_NEWNOTHING");
    expect(compare("linux/no-such-header.h", { CLONE_NEWNS: 0x0002_0000 })).toContain("no-such-header");
  });
});

test("SYS holds the numbers of this machine", () => {
  const { syscalls } = ARCHITECTURES[process.arch as Architecture];
  expect(SYS).toEqual({ ...syscalls, ...COMMON_SYSCALLS });
});

test("the architectures differ where they must", () => {
  expect(ARCHITECTURES.x64.syscalls.pivot_root).not.toBe(ARCHITECTURES.arm64.syscalls.pivot_root);
  expect(ARCHITECTURES.x64.O_NOFOLLOW).not.toBe(ARCHITECTURES.arm64.O_NOFOLLOW);
});

test("errnoName names a number, and gives digits for a hole or a number nobody has", () => {
  expect(errnoName(16)).toBe("EBUSY");
  expect(errnoName(1)).toBe("EPERM");
  expect(errnoName(133)).toBe("EHWPOISON");
  for (const unknown of [41, 58, 134, 4095, -1, 1.5]) expect(errnoName(unknown)).toBe(String(unknown));
});

test("signalName names a number, and says so when there is no name", () => {
  expect(constants.signalName(9)).toBe("SIGKILL");
  expect(constants.signalName(31)).toBe("SIGSYS");
  expect(constants.signalName(34)).toBe("signal 34");
});
