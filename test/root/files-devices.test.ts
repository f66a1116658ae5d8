import { afterAll, expect } from "bun:test";
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { heldFiles } from "../support/host-view.ts";
import { on, rungsFrom } from "../support/ladder.ts";
import { commandProcess, launch, launchAndWait, PHASES } from "../support/launch.ts";
import { keepLedger } from "../support/ledger.ts";
import { mutant } from "../support/mutant.ts";
import { test } from "../support/privileged.ts";
import { holdOpen, READY } from "../support/programs.ts";
import { temporaryRootfs } from "../support/rootfs.ts";

keepLedger();
const image = temporaryRootfs();
const directory = mkdtempSync(join(tmpdir(), "devices-"));
afterAll(() => {
  image.remove();
  rmSync(directory, { recursive: true });
});

interface Device {
  readonly kind: "b" | "c";
  readonly major: number;
  readonly minor: number;
}

/** A device of the host's that nobody in a container may have: a disk, or else the kernel's log. */
function forbiddenDevice(): Device {
  for (const name of readdirSync("/sys/dev/block")) {
    const [major = 0, minor = 0] = name.split(":").map(Number);
    const disk = basename(readFileSync(`/sys/dev/block/${name}/uevent`, "utf8")).match(/DEVNAME=(\S+)/)?.[1];
    if (canOpen(`/dev/${disk}`)) return { kind: "b", major, minor };
  }
  return { kind: "c", major: 1, minor: 11 };
}

function canOpen(path: string): boolean {
  try {
    closeSync(openSync(path, "r"));
    return true;
  } catch {
    return false;
  }
}

const DEVICE = forbiddenDevice();
/** Wherever a file can be made; the last only for who may mount. */
const PLACES = ["/", "/dev", "/dev/shm", "/tmp", "/dev/pts", "/vol", "/mine"];
const OPENS_A_DEVICE = [
  "sh",
  "-c",
  [
    "mkdir -p /mine; mount -t tmpfs tmpfs /mine",
    ...PLACES.map((place) => `mknod ${place}/forbidden ${DEVICE.kind} ${DEVICE.major} ${DEVICE.minor}`),
    'exec "$@"',
  ].join("; "),
  "sh",
  ...holdOpen(PLACES.map((place) => `r:${place}/forbidden`)),
];

/** Where a command that makes the device everywhere can open it: seen in its open files. */
async function opens(program: readonly string[]): Promise<string[]> {
  await using running = launch([...program, ...OPENS_A_DEVICE]);
  const pid = await commandProcess(running, READY);
  return heldFiles(pid)
    .filter(({ stat }) => (stat.isBlockDevice() || stat.isCharacterDevice()) && stat.rdev === device())
    .map(({ path }) => path)
    .sort();
}

/** The number that stat(2) has for the device: glibc's makedev(3). */
function device(): bigint {
  const [major, minor] = [BigInt(DEVICE.major), BigInt(DEVICE.minor)];
  return ((major & 0xfffn) << 8n) | (minor & 0xffn) | ((minor & ~0xffn) << 12n);
}

function removeNodes(): void {
  for (const place of PLACES) rmSync(join(image.path, place, "forbidden"), { force: true });
}

test("crab-can run: a device node that the command makes cannot be opened, wherever it is made", async () => {
  const volume = join(directory, "volume");
  mkdirSync(volume);
  expect(await opens(on("crab-can run", image.path, "--volume", `${volume}:/vol`))).toEqual([]);
  removeNodes();
});

for (const rung of ["phase 3", "phase 4"] as const) {
  test(`on ${rung} the command makes a node of the host's device and opens it`, async () => {
    expect(await opens(on(rung, image.path))).not.toEqual([]);
    removeNodes();
  });
}

test("crab-can run: a device node that lies in the image or on a volume cannot be opened", async () => {
  const volume = join(directory, "prepared");
  mkdirSync(volume);
  for (const place of [volume, join(image.path, "tmp")]) {
    const node = [join(place, "lying"), DEVICE.kind, String(DEVICE.major), String(DEVICE.minor)];
    expect(Bun.spawnSync(["mknod", ...node]).exitCode).toBe(0);
  }
  const held = async (program: readonly string[]) => {
    await using running = launch([...program, ...holdOpen(["r:/vol/lying", "r:/tmp/lying"])]);
    return heldFiles(await commandProcess(running, READY)).length;
  };
  const options = ["--volume", `${volume}:/vol`];
  expect(await held(on("crab-can run", image.path, ...options))).toBe(0);
  expect(await held(on("phase 3", image.path))).toBe(1);
  rmSync(join(image.path, "tmp/lying"));
});

const MODES = `chmod 600 /dev/null; chown 7:7 /dev/null`;

/** Owner and mode of the node that is bound to the container's /dev/null. */
function describeNode(path: string): string {
  const { mode, uid, gid } = statSync(path);
  return `${mode.toString(8)} ${uid}:${gid}`;
}

for (const rung of rungsFrom("phase 3")) {
  test(`${rung}: owner and mode of the host's device nodes cannot be changed`, async () => {
    const before = describeNode("/dev/null");
    const { status } = await launchAndWait([...on(rung, image.path), "sh", "-c", MODES]);
    expect(status).not.toBe(0);
    expect(describeNode("/dev/null")).toBe(before);
  });
}

/** Nodes of our own in place of the host's, so that they can be spoilt. */
function spareNodes(): string {
  const nodes = mkdtempSync(join(directory, "nodes-"));
  for (const [name, minor] of Object.entries({ null: 3, zero: 5, full: 7, random: 8, urandom: 9 })) {
    Bun.spawnSync(["mknod", "-m", "666", join(nodes, name), "c", "1", String(minor)]);
  }
  Bun.spawnSync(["mknod", "-m", "666", join(nodes, "tty"), "c", "5", "0"]);
  return nodes;
}

test("with device nodes that are not bound read-only the container spoils them", async () => {
  const nodes = spareNodes();
  const spare = { file: "src/linux/dev.ts", text: "source: `/dev/", by: `source: \`${nodes}/` };
  const unguarded = { file: "src/linux/dev.ts", text: "set: GUARDED", by: "set: 0" };
  const after = async (phase: ReturnType<typeof mutant>) => {
    await launchAndWait([...phase.program(PHASES.jail), image.path, "sh", "-c", MODES]);
    return describeNode(join(nodes, "null"));
  };
  using guarded = mutant(spare);
  expect(await after(guarded)).toBe("20666 0:0");
  using open = mutant(spare, unguarded);
  expect(await after(open)).toBe("20600 7:7");
});
