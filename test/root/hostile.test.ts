/** What a hostile process, a hostile image or an unlucky caller could reach, once, and cannot any more. */
import { afterAll, expect } from "bun:test";
import { existsSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readMounts } from "../../src/linux/mountinfo.ts";
import { namespaceOf } from "../../src/linux/proc.ts";
import { on, type Rung, rungsFrom } from "../support/ladder.ts";
import { commandProcess, eventually, launch, launchAndWait, ROOT } from "../support/launch.ts";
import { keepLedger } from "../support/ledger.ts";
import { needing, test } from "../support/privileged.ts";
import { openSession } from "../support/pty.ts";
import { temporaryRootfs } from "../support/rootfs.ts";

keepLedger();
const image = temporaryRootfs();
const directory = mkdtempSync(join(tmpdir(), "hostile-"));
afterAll(() => {
  image.remove();
  rmSync(directory, { recursive: true });
});
symlinkSync("/", join(image.path, "root-link"));

const run = (...options: string[]) => on("crab-can run", image.path, ...options);

/** Whether a command gets into a user namespace of its own, in which it has all capabilities again. */
async function entersUserNamespace(rung: Rung): Promise<boolean> {
  const script = "unshare --user --map-root-user sleep 60 || exec sleep 60";
  await using running = launch([...on(rung, image.path), "sh", "-c", script]);
  return namespaceOf(await commandProcess(running, "sleep"), "user") !== namespaceOf("self", "user");
}

test("crab-can run: a process cannot make itself a user namespace", async () => {
  expect(await entersUserNamespace("crab-can run")).toBe(false);
});

for (const rung of rungsFrom("phase 2").filter((name) => name !== "crab-can run")) {
  test(`on ${rung} it can`, async () => {
    expect(await entersUserNamespace(rung)).toBe(true);
  });
}

needing("memory")(
  "crab-can run: the directory that holds the lock is not in the container's sight",
  async () => {
    await using running = launch([...run(), "sleep", "60"]);
    const pid = await commandProcess(running, "sleep");
    const roots = readMounts(pid)
      .filter(({ type }) => type.startsWith("cgroup"))
      .map(({ root }) => root);
    expect(roots.length).toBeGreaterThan(0);
    // Seen from the container's cgroup namespace its own group is "/": nothing above it is mounted.
    for (const root of roots) expect(root === "/" || root.endsWith("/leaf")).toBe(true);
  },
);

/** A directory whose bunfig.toml and .env would run code, or change the environment, when Bun reads them. */
function trap(): { directory: string; sprung: () => boolean } {
  const place = mkdtempSync(join(directory, "trap-"));
  writeFileSync(join(place, "bunfig.toml"), 'preload = ["./evil.ts"]\n');
  writeFileSync(join(place, "evil.ts"), `require("node:fs").writeFileSync("${place}/sprung", "");\n`);
  return { directory: place, sprung: () => existsSync(join(place, "sprung")) };
}

test("bin/crab-can: files in the caller's directory do not run as root", async () => {
  const { directory: cwd, sprung } = trap();
  const child = Bun.spawn([`${ROOT}/bin/crab-can`, "run", image.path, "true"], {
    cwd,
    stdio: ["ignore", "ignore", "inherit"],
  });
  expect(await child.exited).toBe(0);
  expect(sprung()).toBe(false);
});

test("started by a plain Bun they would", async () => {
  const { directory: cwd, sprung } = trap();
  await Bun.spawn([process.execPath, `${ROOT}/dist/crab-can.js`, "version"], {
    cwd,
    stdio: ["ignore", "ignore", "ignore"],
  }).exited;
  expect(sprung()).toBe(true);
});

test("crab-can run: the host's /dev/null cannot be changed through standard input", async () => {
  const mode = statSync("/dev/null").mode;
  const { status } = await launchAndWait([
    ...run(),
    "sh",
    "-c",
    "chmod 600 /dev/stdin || chmod 600 /proc/self/fd/0",
  ]);
  expect(status).not.toBe(0);
  expect(statSync("/dev/null").mode).toBe(mode);
});

test("crab-can run: a directory of the host as standard input is refused", async () => {
  const { status, stderr } = await launchAndWait([...run(), "ls"], {
    through: ["sh", "-c", 'exec "$@" </', "sh"],
  });
  expect(status).toBe(125);
  expect(stderr).toStartWith("error[CAN-044]");
});

test("crab-can run: a closed standard stream is open to nothing, so that no file takes its number", async () => {
  const through = ["sh", "-c", 'exec "$@" <&-', "sh"];
  const { stdout } = await launchAndWait([...run(), "readlink", "/proc/self/fd/0"], { through });
  expect(stdout).toBe("/dev/null\n");
});

test("crab-can run: a volume can take neither the root's place nor that of /proc, /sys and /dev", async () => {
  const at = (place: string) => launchAndWait([...run("--volume", `${directory}:${place}`), "true"]);
  expect((await at("/root-link")).stderr).toStartWith("error[CAN-043]");
  for (const place of ["/proc", "/sys", "/dev"]) {
    expect(await at(place)).toMatchObject({ status: 125, stderr: expect.stringContaining("error[CAN-016]") });
  }
});

test("crab-can run: an endless name in an option or an image does not make it hang", async () => {
  const endless = "x".repeat(120_000);
  for (const words of [
    [...run(), endless],
    [...run("--workdir", `/${endless}`), "true"],
    [...run("--user", endless), "true"],
  ]) {
    const { status, stderr } = await launchAndWait(words);
    expect(status).toBeGreaterThanOrEqual(125);
    expect(stderr).toStartWith("error[CAN-0");
  }
});

test("crab-can run: keys that the command does not read cannot keep it from ending", async () => {
  await using session = openSession([...run(), "sh", "-c", "stty raw -echo; echo ready; exec sleep 60"]);
  await session.see("ready");
  session.type("x".repeat(200_000));
  await Bun.sleep(300);
  process.kill(session.pid, "SIGTERM");
  await eventually("the end", () => !existsSync(`/proc/${session.pid}/fd/0`) || undefined, 20_000);
  expect(await session.ended()).toBe(143);
});
