import { afterAll, expect } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readMounts } from "../../src/linux/mountinfo.ts";
import { heldFiles, isSameFile } from "../support/host-view.ts";
import { on } from "../support/ladder.ts";
import { commandProcess, launch, launchAndWait } from "../support/launch.ts";
import { keepLedger } from "../support/ledger.ts";
import { test } from "../support/privileged.ts";
import { holdOpen, READY } from "../support/programs.ts";
import { temporaryRootfs } from "../support/rootfs.ts";

keepLedger();
const image = temporaryRootfs();
const directory = mkdtempSync(join(tmpdir(), "volumes-"));
afterAll(() => {
  image.remove();
  rmSync(directory, { recursive: true });
});

const NAME = `walls-${crypto.randomUUID()}`;
const volume = join(directory, "volume");
mkdirSync(join(volume, "below"), { recursive: true });
for (const path of ["file", "below/file"]) writeFileSync(join(volume, path), "");

const run = (...options: readonly string[]) => on("crab-can run", image.path, ...options);

/** Where a volume is in a container, out of what the host sees of its mounts. */
async function whereVolumeIs(target: string): Promise<string[]> {
  await using running = launch([...run("--volume", `${volume}:${target}`), "sleep", "60"]);
  const pid = await commandProcess(running, "sleep");
  const isVolume = (path: string) => path !== "/" && isSameFile(`/proc/${pid}/root${path}`, volume);
  return readMounts(pid)
    .map(({ mountPoint }) => mountPoint)
    .filter(isVolume);
}

async function writable(options: readonly string[]): Promise<string[]> {
  const files = ["w:/vol/file", "w:/vol/below/file"];
  await using running = launch([...run(...options), ...holdOpen(files)]);
  return heldFiles(await commandProcess(running, READY)).map(({ path }) => path);
}

test("a volume is the host's directory itself, at the place that was named", async () => {
  expect(await whereVolumeIs("/data/deep")).toEqual(["/data/deep"]);
});

test("a read-only volume cannot be written anywhere below it; any other can", async () => {
  expect(await writable(["--volume", `${volume}:/vol:ro`])).toEqual([]);
  expect(await writable(["--volume", `${volume}:/vol`])).toEqual(["/vol/file", "/vol/below/file"]);
});

test("a read-only volume is so for mounts below it too", async () => {
  // A machine of its own for the mount on the volume, so that the host has none.
  const through = ["unshare", "--mount", "--propagation", "private"];
  const mount = 'mount -t tmpfs tmpfs "$0/below" && : > "$0/below/file" && exec "$@"';
  const program = run("--volume", `${volume}:/vol:ro`);
  await using running = launch([...program, ...holdOpen(["w:/vol/below/file", "r:/vol/below/file"])], {
    through: [...through, "sh", "-c", mount, volume],
  });
  const held = heldFiles(await commandProcess(running, READY));
  expect(held.map(({ path, writable }) => [path, writable])).toEqual([["/vol/below/file", false]]);
});

for (const [what, link, target, place] of [
  ["an absolute link of the image", "/etc", `/link/${NAME}`, `/etc/${NAME}`],
  ["a link of the image with many ..", `${"../".repeat(24)}etc`, `/link/${NAME}`, `/etc/${NAME}`],
  ["a link of the image that is the target itself", "/etc", "/link", "/etc"],
] as const) {
  test(`${what} leads a volume to a place in the image, not on the host`, async () => {
    symlinkSync(link, join(image.path, "link"));
    expect(await whereVolumeIs(target)).toEqual([place]);
    expect(existsSync(`/etc/${NAME}`)).toBe(false);
    rmSync(join(image.path, "link"));
    rmSync(join(image.path, "etc", NAME), { recursive: true, force: true });
  });
}

test("a volume over a link into /proc/self goes nowhere", async () => {
  symlinkSync("/proc/self/root/etc", join(image.path, "link"));
  const { status, stderr } = await launchAndWait([...run("--volume", `${volume}:/link/${NAME}`), "true"]);
  expect(status).toBe(125);
  expect(stderr).toStartWith("error[CAN-");
  expect(existsSync(`/etc/${NAME}`)).toBe(false);
  rmSync(join(image.path, "link"));
});

for (const [what, link, target] of [
  ["a link to itself", "link", "/link"],
  ["a path through a link to itself", "link", "/link/below"],
  ["a link that leads nowhere", "/nowhere", "/link"],
  ["a path through a link that leads nowhere", "/nowhere", "/link/below"],
] as const) {
  test(`a volume at ${what} is refused with an error that names the volume's place`, async () => {
    symlinkSync(link, join(image.path, "link"));
    const { status, stderr } = await launchAndWait([...run("--volume", `${volume}:${target}`), "true"]);
    rmSync(join(image.path, "link"));
    expect(status).toBe(125);
    expect(stderr).toMatch(/^error\[CAN-0(?!9)\d+\]: .*\/link/);
    expect(existsSync("/nowhere")).toBe(false);
  });
}

test("a volume whose source is missing is refused before anything is made", async () => {
  const source = join(directory, "missing");
  const { status, stderr } = await launchAndWait([...run("--volume", `${source}:/data`), "true"]);
  expect(status).toBe(125);
  expect(stderr).toStartWith("error[CAN-040]");
  expect(stderr).toContain(source);
  expect(existsSync(source)).toBe(false);
});
