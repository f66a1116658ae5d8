import { afterAll, expect } from "bun:test";
import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { on, type Rung, rungsFrom } from "../support/ladder.ts";
import { launchAndWait } from "../support/launch.ts";
import { keepLedger } from "../support/ledger.ts";
import { test } from "../support/privileged.ts";
import { temporaryRootfs } from "../support/rootfs.ts";

keepLedger();
const image = temporaryRootfs();
const directory = mkdtempSync(join(tmpdir(), "hostile-"));
afterAll(() => {
  image.remove();
  rmSync(directory, { recursive: true });
});

/** A directory of the host beside the image, which a hostile image would like to have mounts or files in. */
const victim = join(directory, "victim");
mkdirSync(victim);

/** What stands in the image in place of a directory that gets a mount. */
const TRAPS: Readonly<Record<string, (path: string) => void>> = {
  "a link to a directory of the host": (path) => symlinkSync(victim, path),
  "a link with .. to a directory of the host": (path) => symlinkSync("../victim", path),
  "a link to /etc": (path) => symlinkSync("/etc", path),
  "a link to the root of everything": (path) => symlinkSync("../".repeat(24), path),
  "a link to itself": (path) => symlinkSync("proc", path),
  "a link that leads nowhere": (path) => symlinkSync("/nowhere", path),
  "a file": (path) => writeFileSync(path, ""),
  "a named pipe": (path) => void Bun.spawnSync(["mkfifo", path]),
};

const MOUNT_POINTS: readonly (readonly [Rung, readonly string[]])[] = rungsFrom("phase 3").map((rung) => [
  rung,
  rung === "crab-can run" ? ["proc", "sys", "dev"] : ["proc", "dev"],
]);

for (const [rung, names] of MOUNT_POINTS) {
  test(`${rung}: an image with a trap where a mount goes is refused, and nothing outside is touched`, async () => {
    for (const name of names) {
      for (const [what, set] of Object.entries(TRAPS)) {
        const rootfs = join(directory, "image");
        mkdirSync(rootfs);
        set(join(rootfs, name));
        const { status, stderr } = await launchAndWait([...on(rung, rootfs), "true"]);
        const code = /^error\[(CAN-\d+)\]/.exec(stderr)?.[1];
        expect({ name, what, status, code }).toEqual({ name, what, status: 125, code: "CAN-013" });
        expect(readdirSync(victim)).toEqual([]);
        rmSync(rootfs, { recursive: true });
      }
    }
  });
}

/** What stands in the image in place of its user database. */
const DATABASES: Readonly<Record<string, (path: string) => void>> = {
  "a named pipe": (path) => void Bun.spawnSync(["mkfifo", path]),
  "a link to /dev/zero": (path) => symlinkSync("/dev/zero", path),
  "a link to standard input": (path) => symlinkSync("/proc/self/fd/0", path),
  "a link to the kernel's log": (path) => symlinkSync("/proc/kmsg", path),
  "a link to the memory of who reads it": (path) => symlinkSync("/proc/self/mem", path),
  "a link to itself": (path) => symlinkSync("passwd", path),
  "a link that leads nowhere": (path) => symlinkSync("/nowhere", path),
  "a directory": (path) => mkdirSync(path),
};

for (const [what, make] of Object.entries(DATABASES)) {
  test(`${what} in place of /etc/passwd has no users in it, and holds nothing up`, async () => {
    const passwd = join(image.path, "etc/passwd");
    renameSync(passwd, `${passwd}.kept`);
    make(passwd);
    try {
      const named = await runOrGiveUp("--user", "nobody");
      expect(named).toEqual({ status: 125, code: "CAN-041" });
      expect(await runOrGiveUp("--user", "1234:5678")).toEqual({ status: 0, code: undefined });
      expect(await runOrGiveUp()).toEqual({ status: 0, code: undefined });
    } finally {
      rmSync(passwd, { recursive: true });
      renameSync(`${passwd}.kept`, passwd);
    }
  });
}

test("a file in place of /etc has no users in it", async () => {
  renameSync(join(image.path, "etc"), join(image.path, "kept"));
  writeFileSync(join(image.path, "etc"), "");
  try {
    expect(await runOrGiveUp("--user", "nobody")).toEqual({ status: 125, code: "CAN-041" });
    expect(await runOrGiveUp()).toEqual({ status: 0, code: undefined });
  } finally {
    rmSync(join(image.path, "etc"));
    renameSync(join(image.path, "kept"), join(image.path, "etc"));
  }
});

/** Runs `true`. A runtime that waits for what never comes is ended after a time that no run needs. */
async function runOrGiveUp(...options: readonly string[]) {
  const program = [...on("crab-can run", image.path, ...options), "true"];
  const through = ["timeout", "--signal=KILL", "40"];
  const { status, stderr } = await launchAndWait(program, { through });
  return { status, code: /^error\[(CAN-\d+)\]/.exec(stderr)?.[1] };
}
