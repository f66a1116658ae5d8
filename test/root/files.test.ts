import { afterAll, expect } from "bun:test";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isSameFile } from "../support/host-view.ts";
import { on, rungsFrom } from "../support/ladder.ts";
import { commandProcess, launch, launchAndWait, PHASES, ROOT } from "../support/launch.ts";
import { keepLedger } from "../support/ledger.ts";
import { mutant } from "../support/mutant.ts";
import { test } from "../support/privileged.ts";
import { escapeChroot, READY } from "../support/programs.ts";
import { temporaryRootfs } from "../support/rootfs.ts";

keepLedger();
const image = temporaryRootfs();
const directory = mkdtempSync(join(tmpdir(), "secret-"));
afterAll(() => {
  image.remove();
  rmSync(directory, { recursive: true });
});

symlinkSync("/proc/self/fd", join(image.path, "open"));

const SECRET = crypto.randomUUID();
const secretFile = join(directory, "file");
writeFileSync(secretFile, SECRET);
const UP = "../".repeat(24);
const FD = 3; // Bun closes what else it has inherited by itself

/** Starts the runtime with one more descriptor than it expects: the host directory with the secret. */
const WITH_DESCRIPTOR = ["bash", "-c", `exec "$@" ${FD}<"$0"`, directory];

/** Ways to a file of the host, by what a shell inside would say. None of the paths exists in the image. */
const WAYS: Readonly<Record<string, string>> = {
  "its absolute path": `cat ${secretFile}`,
  "the way up from the root directory": `cd / && cat ${UP}${secretFile}`,
  "the way up from the working directory": `cat ${UP}${secretFile}`,
  "the root directory of PID 1": `cat /proc/1/root${secretFile}`,
  "the working directory of PID 1": `cat /proc/1/cwd/${UP}${secretFile}`,
  "the parent of the root directory": `cat /..${secretFile}`,
};
/** Left open by a runtime that does not care. */
const WAY_BY_DESCRIPTOR = `cat /proc/self/fd/${FD}/file /proc/1/fd/${FD}/file`;

/** Whether a script inside gets hold of the secret: who can say it has read it. */
async function findsSecret(program: readonly string[], script: string, through: readonly string[] = []) {
  const { stdout, stderr } = await launchAndWait([...program, "sh", "-c", script], { through });
  return (stdout + stderr).includes(SECRET);
}

/** The mounts a process sees that show the file system the host's root directory is on, image aside. */
function mountsOfHostRoot(pid: number): string[] {
  // Fields: ID, parent, major:minor, directory of that file system, mount point …
  const rows = (of: number | "self") =>
    readFileSync(`/proc/${of}/mountinfo`, "utf8")
      .trimEnd()
      .split("\n")
      .map((line) => line.split(" "));
  const device = rows("self").findLast((fields) => fields[4] === "/")?.[2];
  return rows(pid)
    .filter((fields) => fields[2] === device && !fields[3]?.endsWith("/image"))
    .map((fields) => `${fields[3]} at ${fields[4]}`);
}

/** Where a program is that tried to break out: its root directory, seen from the host. */
async function rootAfterEscape(program: readonly string[]): Promise<"the host's" | "its own"> {
  await using running = launch([...program, ...escapeChroot()]);
  const pid = await commandProcess(running, READY);
  return isSameFile(`/proc/${pid}/root`, "/") ? "the host's" : "its own";
}

const JAIL = "phases/3-jail.ts";
const CHROOT_ONLY = [
  { file: JAIL, text: "pivotRoot(rootfs);", by: "" },
  { file: JAIL, text: "execvp(command)", by: 'execvp(["chroot", rootfs, ...command])' },
];
const OLD_ROOT_STAYS = { file: "src/linux/mounts.ts", text: 'umount2(".", MNT.MNT_DETACH);', by: "" };
// Both sides drop what they have inherited: the runtime process for the init process, that for the command.
const NOTHING_DROPPED = [
  { file: "phases/2-isolation.ts", text: "dropInheritance();", by: "" },
  { file: "src/linux/init-process.ts", text: "closeOnExecFrom(3);", by: "" },
];

for (const rung of rungsFrom("phase 3")) {
  test(`${rung}: the root directory is the image's, and the command starts there`, async () => {
    await using running = launch([...on(rung, image.path), "sleep", "60"]);
    const pid = await commandProcess(running, "sleep");
    expect(isSameFile(`/proc/${pid}/root`, image.path)).toBe(true);
    expect(isSameFile(`/proc/${pid}/cwd`, image.path)).toBe(true);
    expect(isSameFile(`/proc/${running.pid}/root`, "/")).toBe(true);
  });

  test(`${rung}: the host's root directory is not among the mounts`, async () => {
    await using running = launch([...on(rung, image.path), "sleep", "60"]);
    expect(mountsOfHostRoot(await commandProcess(running, "sleep"))).toEqual([]);
  });

  for (const [way, script] of Object.entries(WAYS)) {
    test(`${rung}: a file of the host is not found by ${way}`, async () => {
      expect(await findsSecret(on(rung, image.path), script)).toBe(false);
    });
  }

  test(`${rung}: breaking out as out of a chroot leads nowhere`, async () => {
    expect(await rootAfterEscape(on(rung, image.path))).toBe("its own");
  });
}

for (const rung of rungsFrom("phase 2")) {
  test(`${rung}: a descriptor that the runtime has inherited is no way to the host's files`, async () => {
    expect(await findsSecret(on(rung, image.path), WAY_BY_DESCRIPTOR, WITH_DESCRIPTOR)).toBe(false);
  });
}

test("on phase 2 root and working directory are the host's", async () => {
  await using running = launch([...on("phase 2", image.path), "sleep", "60"]);
  const pid = await commandProcess(running, "sleep");
  expect(isSameFile(`/proc/${pid}/root`, "/")).toBe(true);
  expect(isSameFile(`/proc/${pid}/cwd`, ROOT)).toBe(true);
  expect(mountsOfHostRoot(pid)).not.toEqual([]);
});

for (const [way, script] of Object.entries(WAYS)) {
  test(`on phase 2 a file of the host is found by ${way}`, async () => {
    expect(await findsSecret(on("phase 2", image.path), script)).toBe(true);
  });
}

test("with a chroot in place of pivot_root the way out of a chroot leads to the host's files", async () => {
  using phase = mutant(...CHROOT_ONLY);
  const program = [...phase.program(PHASES.jail), image.path];
  expect(await findsSecret(program, WAYS["its absolute path"] ?? "")).toBe(false); // it looks like a jail
  expect(await rootAfterEscape(program)).toBe("the host's");
});

test("with the old root still mounted the host's files are one step up from the root directory", async () => {
  using phase = mutant(OLD_ROOT_STAYS);
  const program = [...phase.program(PHASES.jail), image.path];
  expect(await findsSecret(program, WAYS["its absolute path"] ?? "")).toBe(false);
  expect(await findsSecret(program, WAYS["the parent of the root directory"] ?? "")).toBe(true);
  await using running = launch([...program, "sleep", "60"]);
  expect(mountsOfHostRoot(await commandProcess(running, "sleep"))).not.toEqual([]);
});

test("without dropInheritance the inherited descriptor leads to the host's files", async () => {
  using phase = mutant(...NOTHING_DROPPED);
  const program = phase.program(PHASES.isolation);
  expect(await findsSecret(program, WAY_BY_DESCRIPTOR, WITH_DESCRIPTOR)).toBe(true);
});

// The image chooses what is at the place that --workdir names: here, whatever the init process has open. From a
// directory of the host the way leads up to the root of the file system it is on. CVE-2024-21626
for (const [what, through] of [
  ["one of the runtime's own open files", []],
  ["a descriptor that the runtime has inherited", WITH_DESCRIPTOR],
] as const) {
  test(`crab-can run: a link in the image cannot make the working directory ${what}`, async () => {
    const shown = mkdtempSync(join(directory, "shown-"));
    const volume = ["--volume", `${shown}:/tmp/volume:ro`];
    const names = secretFile.split("/").slice(1);
    const climb = names.map((_, index) => `cat ${UP}${names.slice(index).join("/")}`).join("; ");
    for (let fd = 3; fd < 12; fd++) {
      const program = on("crab-can run", image.path, ...volume, "--workdir", `/open/${fd}`);
      const found = await findsSecret(program, climb, through);
      expect({ fd, found }).toEqual({ fd, found: false });
    }
  });
}

test("crab-can run --workdir: the command starts in that directory of the image", async () => {
  mkdirSync(join(image.path, "work"));
  const program = on("crab-can run", image.path, "--workdir", "/work");
  await using running = launch([...program, "sleep", "60"]);
  const pid = await commandProcess(running, "sleep");
  expect(isSameFile(`/proc/${pid}/cwd`, join(image.path, "work"))).toBe(true);
});

test("crab-can run host: of the host there are its programs only, and none can be changed", async () => {
  const program = on("crab-can run", "host");
  for (const script of Object.values(WAYS)) expect(await findsSecret(program, script)).toBe(false);
  await using running = launch([...program, "sleep", "60"]);
  const pid = await commandProcess(running, "sleep");
  expect(isSameFile(`/proc/${pid}/root`, "/")).toBe(false);
  expect(isSameFile(`/proc/${pid}/root/usr/bin/env`, "/usr/bin/env")).toBe(true);
  const shown = readFileSync(`/proc/${pid}/mountinfo`, "utf8").split("\n");
  const programs = shown.map((line) => line.split(" ")).filter(([, , , , at]) => at?.startsWith("/usr"));
  expect(programs.length).toBeGreaterThan(0);
  for (const [, , , , at, options] of programs) {
    expect({ at, readOnly: options?.split(",").includes("ro") }).toEqual({ at, readOnly: true });
  }
  for (const name of ["home", "root", "var", "etc/ssh", "boot"]) {
    const path = `/proc/${pid}/root/${name}`;
    const same = Bun.file(path).size > 0 && isSameFileIfThere(path, `/${name}`);
    expect({ name, same }).toEqual({ name, same: false });
  }
});

function isSameFileIfThere(one: string, other: string): boolean {
  try {
    return isSameFile(one, other);
  } catch {
    return false;
  }
}
