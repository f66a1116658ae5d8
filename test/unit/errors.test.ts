/** What users get to read when something goes wrong. */
import { describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CanError, formatCanError } from "../../src/can-error.ts";
import { explainFailure } from "../../src/diagnostics/explain.ts";
import { directoryImage } from "../../src/image/directory.ts";
import { type Arguments, SyscallError } from "../../src/libc/call.ts";
import { parseLimits } from "../../src/linux/cgroup/limits.ts";
import { execvp } from "../../src/linux/exec.ts";
import { checkHostname } from "../../src/linux/names.ts";
import { BUN, ROOT } from "../support/launch.ts";
import { canErrorOf } from "../support/unit-errors.ts";

const EPERM = 1;
const ENOENT = 2;
const EACCES = 13;
const EBUSY = 16;
const EINVAL = 22;
const ENOSPC = 28;

function explained(name: string, args: Arguments, errno: number) {
  return explainFailure(new SyscallError({ name, args, errno })).options;
}

describe("the shape of an error", () => {
  test("is headline, call, notes, help, more, in this order, further lines of each below the first", () => {
    const error = new CanError({
      code: "CAN-012",
      headline: "cannot pivot into ./alpine: it is not a mount point",
      call: 'pivot_root(new_root="/lab/alpine", put_old="/lab/alpine") = EBUSY (Device or resource busy)',
      notes: ["/proc/self/mountinfo has no entry for /lab/alpine", "second note"],
      help: ["bind it onto itself first\nmount({ source: rootfs })"],
      more: ["pivot_root(2)"],
    });
    expect(formatCanError(error)).toMatchInlineSnapshot(`
      "error[CAN-012]: cannot pivot into ./alpine: it is not a mount point
        pivot_root(new_root="/lab/alpine", put_old="/lab/alpine") = EBUSY (Device or resource busy)
      note: /proc/self/mountinfo has no entry for /lab/alpine
      note: second note
      help: bind it onto itself first
            mount({ source: rootfs })
      more: docs/errors/CAN-012.md, pivot_root(2)
      "
    `);
  });

  test("without anything but a headline it still says where to read on", () => {
    expect(formatCanError(new CanError({ code: "CAN-099", headline: "no" }))).toBe(
      "error[CAN-099]: no\nmore: docs/errors/CAN-099.md\n",
    );
  });

  test("the exit status is 125 unless the error says otherwise", () => {
    expect(new CanError({ code: "CAN-099", headline: "no" }).exitStatus).toBe(125);
    expect(new CanError({ code: "CAN-020", headline: "no", exitStatus: 127 }).exitStatus).toBe(127);
  });
});

describe("the text of", () => {
  const text = (action: () => unknown) => formatCanError(canErrorOf(action));

  test("a limit that makes no sense", () => {
    expect(text(() => parseLimits({ memory: "64X" }))).toMatchInlineSnapshot(`
      "error[CAN-003]: --memory "64X" makes no sense: it takes a size such as 64M, 1G or 512k
      help: for example --memory 64M
      more: docs/errors/CAN-003.md
      "
    `);
  });

  test("a limit below what works", () => {
    expect(text(() => parseLimits({ memory: "1k" }))).toMatchInlineSnapshot(`
      "error[CAN-004]: --memory 1k is less than starting a program needs
      note: the least that works is 512 KiB; below it the kernel kills during execve
      help: give more, for example --memory 64M
      more: docs/errors/CAN-004.md
      "
    `);
  });

  test("a hostname that makes no sense", () => {
    expect(text(() => checkHostname("a b"))).toMatchInlineSnapshot(`
      "error[CAN-003]: --hostname "a b" makes no sense: it takes 1 to 64 letters, digits, '_', '.' and '-', beginning with a letter or digit
      help: for example --hostname crab
      more: docs/errors/CAN-003.md
      "
    `);
  });

  test("an image that is not there", () => {
    expect(text(() => directoryImage("./no-such-image"))).toMatchInlineSnapshot(`
      "error[CAN-010]: no image "./no-such-image"
      note: an image is a directory that holds a root file system; \`host\` is built in, for crab-can run alone
      help: make one from this machine's own programs: crab-can image make ./rootfs
      more: docs/errors/CAN-010.md
      "
    `);
  });

  test("an image that is a file", () => {
    expect(text(() => directoryImage("/etc/passwd"))).toMatchInlineSnapshot(`
      "error[CAN-011]: "/etc/passwd" is a file, and an image is a directory
      help: unpack it first: mkdir rootfs && tar -xf FILE -C rootfs
      more: docs/errors/CAN-011.md
      "
    `);
  });

  test("an image that is the host", () => {
    expect(text(() => directoryImage("/"))).toMatchInlineSnapshot(`
      "error[CAN-011]: the host's own root directory cannot be an image: there would be no wall
      help: use the built-in image, which shows the host's programs read-only: host
      more: docs/errors/CAN-011.md
      "
    `);
  });

  test("a command that is nowhere", () => {
    expect(text(() => execvp(["no-such-command"]))).toMatchInlineSnapshot(`
      "error[CAN-020]: command not found: "no-such-command"
      note: PATH is /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
      help: look at what there is: run \`ls /bin /usr/bin\` in place of the command
      more: docs/errors/CAN-020.md, execve(2)
      "
    `);
  });

  test("a file that is not there", () => {
    expect(text(() => execvp(["/no/such/command"]))).toMatchInlineSnapshot(`
      "error[CAN-020]: command not found: "/no/such/command"
      note: no such file, or the interpreter it names is missing
      help: look at what there is: run \`ls /bin /usr/bin\` in place of the command
      more: docs/errors/CAN-020.md, execve(2)
      "
    `);
  });

  test("a command that is a directory", () => {
    expect(text(() => execvp(["/etc"], { A: "1" }))).toMatchInlineSnapshot(`
      "error[CAN-021]: cannot execute "/etc"
        execve(path="/etc", argv=["/etc"], env=/* 1 variables */) = EACCES (Permission denied)
      note: it is a directory, or no execute permission is set, or its mount is noexec
      more: docs/errors/CAN-021.md, execve(2)
      "
    `);
  });
});

describe("an image", () => {
  test.each([
    ["below a file", "/etc/passwd/rootfs"],
    ["with a name longer than the kernel takes", "a".repeat(5000)],
    ["without a name", ""],
  ])("%s is not there, and that is no bug of Crab-Can", (_, name) => {
    expect(canErrorOf(() => directoryImage(name)).options.code).toBe("CAN-010");
  });

  test("that is reached through a link is its real directory", () => {
    expect(directoryImage("/proc/self/cwd")).toBe(process.cwd());
    expect(canErrorOf(() => directoryImage("/proc/1/../../")).options.code).toBe("CAN-011");
  });
});

describe("explainFailure", () => {
  test("gives a CanError back as it is", () => {
    const error = new CanError({ code: "CAN-010", headline: "no image" });
    expect(explainFailure(error)).toBe(error);
  });

  test("calls anything unexpected a bug of ours, with where it happened", () => {
    const { code, headline, notes } = explainFailure(new TypeError("x is undefined")).options;
    expect([code, headline]).toEqual(["CAN-098", "Crab-Can has a bug: x is undefined"]);
    expect(notes?.[0]).toContain("errors.test.ts");
    expect(explainFailure("a string").options).toMatchObject({ headline: "Crab-Can has a bug: a string" });
    expect(explainFailure(undefined).options.code).toBe("CAN-098");
  });

  test("says only the call and its errno when nothing is certain", () => {
    expect(explained("setns", { fd: 3 }, EINVAL)).toEqual({
      code: "CAN-099",
      headline: "the kernel refused setns",
      call: "setns(fd=3) = EINVAL (Invalid argument)",
      more: ["setns(2)"],
    });
  });

  test("pivot_root into what is no mount point, with either errno, names it and how to mend it", () => {
    for (const errno of [EBUSY, EINVAL]) {
      const { code, headline, call, help } = explained(
        "pivot_root",
        { new_root: "/etc", put_old: "/etc" },
        errno,
      );
      expect([code, headline]).toEqual(["CAN-012", "cannot pivot into /etc: it is not a mount point"]);
      expect(call).toStartWith('pivot_root(new_root="/etc", put_old="/etc") = E');
      expect(help?.[0]).toContain("MS_BIND | MS_REC");
    }
  });

  test('pivot_root into "." is about the current directory', () => {
    const { headline } = explained("pivot_root", { new_root: ".", put_old: "." }, EINVAL);
    expect(headline).toContain(process.cwd());
  });

  test("pivot_root into a mount point blames sharing only where mountinfo shows it", () => {
    const line = readFileSync("/proc/self/mountinfo", "utf8")
      .split("\n")
      .find((candidate) => candidate.split(" ")[4] === "/proc");
    const parent = readFileSync("/proc/self/mountinfo", "utf8")
      .split("\n")
      .find((candidate) => candidate.split(" ")[0] === line?.split(" ")[1]);
    const shared = `${line} ${parent}`.includes(" shared:");
    const { code, headline } = explained("pivot_root", { new_root: "/proc", put_old: "/proc" }, EINVAL);
    expect(code).toBe(shared ? "CAN-012" : "CAN-099");
    expect(headline.includes("is shared")).toBe(shared);
  });

  test("a mount names exactly what is missing", () => {
    const missing = explained("mount", { source: "/no/source", target: "/tmp", type: null }, ENOENT);
    expect([missing.code, missing.headline]).toEqual(["CAN-014", "cannot mount: /no/source does not exist"]);
    expect(missing.help).toEqual(["look what is there: ls -la /no"]);
    expect(explained("mount", { source: "/no/a", target: "/no/b" }, ENOENT).headline).toContain(
      "/no/a and /no/b",
    );
    // "proc" is a word for show, not a path.
    expect(explained("mount", { source: "proc", target: "/tmp" }, ENOENT).code).toBe("CAN-099");
  });

  test("a used-up namespace limit shows the limits", () => {
    const { code, notes } = explained("unshare", { flags: "CLONE_NEWNET" }, ENOSPC);
    expect(code).toBe("CAN-015");
    const net = readFileSync("/proc/sys/user/max_net_namespaces", "utf8").trim();
    expect(notes).toContain(`/proc/sys/user/max_net_namespaces is ${net}`);
  });

  test("a busy cgroup is counted", () => {
    const group = mkdtempSync(join(tmpdir(), "unit-group-"));
    try {
      writeFileSync(`${group}/cgroup.procs`, "11\n12\n13\n");
      const { code, headline, notes } = explained(
        "write",
        { path: `${group}/cgroup.subtree_control` },
        EBUSY,
      );
      expect(code).toBe("CAN-033");
      expect(headline).toContain(group);
      expect(notes?.[0]).toContain("lists 3 processes");
    } finally {
      rmSync(group, { recursive: true });
    }
  });
});

describe("a refusal", () => {
  const script = `
    const { explainFailure } = await import("${ROOT}/src/diagnostics/explain.ts");
    const { SyscallError } = await import("${ROOT}/src/libc/call.ts");
    const error = new SyscallError({ name: "unshare", args: { flags: "X" }, errno: Number(process.argv.at(-1)) });
    console.log(JSON.stringify(explainFailure(error).options));
  `;
  const capabilities = BigInt(`0x${/CapEff:\t(\w+)/.exec(readFileSync("/proc/self/status", "utf8"))?.[1]}`);
  const isAdmin = ((capabilities >> 21n) & 1n) === 1n;

  /** Root's powers without the one that matters here: setpriv takes it away, for root as for others. */
  const WITHOUT = isAdmin ? ["setpriv", "--inh-caps=-sys_admin", "--bounding-set=-sys_admin"] : [];

  test.each([EPERM, EACCES])(
    "with errno %d to a process without CAP_SYS_ADMIN names what it lacks",
    (errno) => {
      const { stdout, stderr } = Bun.spawnSync([...WITHOUT, BUN, "-e", script, String(errno)]);
      expect(stderr.toString()).toBe("");
      expect(JSON.parse(stdout.toString())).toMatchObject({
        code: "CAN-005",
        headline: "not allowed to call unshare: this process has no CAP_SYS_ADMIN",
        call: expect.stringContaining(`unshare(flags="X") = ${errno === EPERM ? "EPERM" : "EACCES"}`),
      });
    },
  );

  test("to a process that has CAP_SYS_ADMIN is not put down to a lack of it", () => {
    const code = explained("unshare", { flags: "X" }, EPERM).code;
    expect(code).toBe(isAdmin ? "CAN-099" : "CAN-005");
  });
});
