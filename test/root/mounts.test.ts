import { afterAll, expect } from "bun:test";
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readMounts } from "../../src/linux/mountinfo.ts";
import { namespaceOf } from "../../src/linux/proc.ts";
import { on, rungsFrom } from "../support/ladder.ts";
import { commandProcess, launch, PHASES } from "../support/launch.ts";
import { keepLedger } from "../support/ledger.ts";
import { mutant } from "../support/mutant.ts";
import { test } from "../support/privileged.ts";
import { mountTmpfsNamed, READY } from "../support/programs.ts";
import { temporaryRootfs } from "../support/rootfs.ts";

keepLedger();
const image = temporaryRootfs();
const directory = mkdtempSync(join(tmpdir(), "mounts-"));
afterAll(() => {
  image.remove();
  rmSync(directory, { recursive: true });
});

/**
 * A mount namespace between the host and the container that is like a machine with systemd: all its mounts are
 * shared. The host's own may be private, and then nothing could leak; and what a mutant leaks must not reach it.
 */
const SHARED_MACHINE = [
  ...["unshare", "--mount", "--propagation", "private"],
  ...["sh", "-c", 'mount --make-rshared / && exec "$@"', "sh"],
];

/** Where a container's mounts are seen. */
interface Seen {
  readonly inside: boolean;
  readonly outside: boolean;
}

/** Has the command make a mount, and looks for it from both sides while the container runs. */
async function whereAMountIsSeen(
  program: readonly string[],
  target: string,
  through: readonly string[],
): Promise<Seen> {
  const name = `mark-${crypto.randomUUID()}`;
  await using running = launch([...program, ...mountTmpfsNamed(name, target)], { through });
  const pid = await commandProcess(running, READY);
  expect(namespaceOf(running.pid, "mnt") === namespaceOf("self", "mnt")).toBe(through.length === 0);
  const isIn = (viewer: number) => readMounts(viewer).some(({ source }) => source === name);
  const seen = { inside: isIn(pid), outside: isIn(running.pid) || isIn(process.pid) };
  // A leak has covered the runtime process's /proc too: it cannot find its container any more.
  if (seen.outside) running.kill("SIGKILL");
  return seen;
}

/** A mount point that the program's command has: the host's files up to phase 2, the image's above. */
function mountPoint(hasImage: boolean): string {
  if (hasImage) return "/tmp";
  const path = join(directory, crypto.randomUUID());
  mkdirSync(path);
  return path;
}

/** `run` keeps CAP_SYS_ADMIN from the command; here it is given, so that the command can mount at all. */
const OPTIONS = { "crab-can run": ["--cap-add", "SYS_ADMIN"] } as Readonly<Record<string, string[]>>;

for (const rung of rungsFrom("phase 2")) {
  const program = on(rung, image.path, ...(OPTIONS[rung] ?? []));

  test(`${rung}: a mount made inside never appears on the host`, async () => {
    const seen = await whereAMountIsSeen(program, mountPoint(rung !== "phase 2"), []);
    expect(seen).toEqual({ inside: true, outside: false });
  });

  test(`${rung}: nor on a machine whose mounts are shared`, async () => {
    const seen = await whereAMountIsSeen(program, mountPoint(rung !== "phase 2"), SHARED_MACHINE);
    expect(seen).toEqual({ inside: true, outside: false });
  });

  test(`${rung}: no mount inside has a tie to a mount outside`, async () => {
    await using running = launch([...program, "sleep", "60"], { through: SHARED_MACHINE });
    const pid = await commandProcess(running, "sleep");
    expect(readMounts(running.pid).some(({ propagation }) => propagation.length > 0)).toBe(true);
    expect(readMounts(pid).flatMap(({ propagation }) => propagation)).toEqual([]);
  });
}

test("without makeMountsPrivate phase 2 leaks its mounts to a machine whose mounts are shared", async () => {
  using phase = mutant({ file: "phases/2-isolation.ts", text: "makeMountsPrivate();", by: "" });
  const seen = await whereAMountIsSeen(phase.program(PHASES.isolation), mountPoint(false), SHARED_MACHINE);
  expect(seen).toEqual({ inside: true, outside: true });
});

test("on phase 1 a mount made by the command is the host's", async () => {
  const seen = await whereAMountIsSeen(on("phase 1", image.path), mountPoint(false), SHARED_MACHINE);
  expect(seen).toEqual({ inside: true, outside: true });
});

for (const rung of rungsFrom("phase 3")) {
  test(`${rung}: what is mounted for the container leaves its image directory empty on the host`, async () => {
    await using running = launch([...on(rung, image.path), "sleep", "60"]);
    const pid = await commandProcess(running, "sleep");
    for (const name of ["proc", "dev"]) {
      expect(readdirSync(`/proc/${pid}/root/${name}`)).not.toEqual([]);
      expect(readdirSync(join(image.path, name))).toEqual([]);
    }
  });
}

test("crab-can run: without CAP_SYS_ADMIN the command cannot mount", async () => {
  const seen = await whereAMountIsSeen(on("crab-can run", image.path), "/tmp", []);
  expect(seen).toEqual({ inside: false, outside: false });
});
