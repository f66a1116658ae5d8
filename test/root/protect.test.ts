import { afterAll, expect } from "bun:test";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { detectCgroups } from "../../src/linux/cgroup/detect.ts";
import { readMounts } from "../../src/linux/mountinfo.ts";
import { heldFiles, isSameFile } from "../support/host-view.ts";
import { on } from "../support/ladder.ts";
import { commandProcess, launch } from "../support/launch.ts";
import { keepLedger } from "../support/ledger.ts";
import { needing, test } from "../support/privileged.ts";
import { holdOpen, READY } from "../support/programs.ts";
import { temporaryRootfs } from "../support/rootfs.ts";

keepLedger();
const image = temporaryRootfs();
const directory = mkdtempSync(join(tmpdir(), "protect-"));
afterAll(() => {
  image.remove();
  rmSync(directory, { recursive: true });
});

// The lists of the OCI runtime specification's default configuration, with docker's two additions; written down
// here once more, so that a change of ours is noticed.
const MASKED = [
  ...["/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats"],
  ...["/proc/sched_debug", "/proc/scsi", "/proc/timer_list", "/proc/timer_stats"],
  ...["/sys/devices/virtual/powercap", "/sys/firmware"],
].filter((path) => existsSync(path));
const READ_ONLY = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"].filter((path) =>
  existsSync(path),
);

/** Files through which root changes the machine. Opening them for writing changes nothing yet. */
const KERNEL_FILES = [
  "/proc/sysrq-trigger",
  "/proc/sys/kernel/core_pattern",
  "/proc/sys/kernel/modprobe",
  "/proc/sys/kernel/hostname",
  "/proc/sys/vm/drop_caches",
].filter((path) => existsSync(path));
const SYS_FILES = [
  "/sys/kernel/uevent_helper",
  "/sys/kernel/profiling",
  "/sys/kernel/mm/transparent_hugepage/enabled",
  "/sys/power/state",
].filter((path) => existsSync(path));

const run = (...options: readonly string[]) => on("crab-can run", image.path, ...options);

/** Which of the files a command manages to open for writing, as the host sees them among its open files. */
async function writable(program: readonly string[], paths: readonly string[]): Promise<string[]> {
  await using running = launch([...program, ...holdOpen(paths.map((path) => `w:${path}`))]);
  const held = heldFiles(await commandProcess(running, READY));
  return held.flatMap(({ path, writable }) => (writable ? [path] : [])).sort();
}

/** What a process sees at a path: nothing to read, or something. */
function isHidden(pid: number, path: string): boolean {
  const seen = `/proc/${pid}/root${path}`;
  const found = statSync(seen);
  if (found.isDirectory()) return readdirSync(seen).length === 0;
  return isSameFile(seen, "/dev/null");
}

/** Whether the mount that a process has at exactly this path is read-only. */
function isReadOnlyMount(pid: number, path: string): boolean {
  const mount = readMounts(pid).findLast(({ mountPoint }) => mountPoint === path);
  return mount?.options.includes("ro") ?? false;
}

test("this machine has files to be masked and files to be protected", () => {
  expect(MASKED).toContain("/proc/interrupts");
  expect(READ_ONLY).toContain("/proc/sys");
  expect(KERNEL_FILES).toContain("/proc/sys/kernel/core_pattern");
  expect(SYS_FILES).not.toEqual([]);
});

test("crab-can run: what tells about the machine is hidden, what changes it is read-only", async () => {
  await using running = launch([...run(), "sleep", "60"]);
  const pid = await commandProcess(running, "sleep");
  for (const path of MASKED) expect({ path, hidden: isHidden(pid, path) }).toEqual({ path, hidden: true });
  for (const path of [...MASKED.filter((path) => lstatSync(path).isDirectory()), ...READ_ONLY, "/sys"]) {
    expect({ path, readOnly: isReadOnlyMount(pid, path) }).toEqual({ path, readOnly: true });
  }
});

test("on phase 4 nothing of /proc is hidden or read-only", async () => {
  await using running = launch([...on("phase 4", image.path), "sleep", "60"]);
  const pid = await commandProcess(running, "sleep");
  const files = MASKED.filter((path) => path.startsWith("/proc/") && lstatSync(path).isFile());
  for (const path of files) expect({ path, hidden: isHidden(pid, path) }).toEqual({ path, hidden: false });
  for (const path of READ_ONLY) expect(isReadOnlyMount(pid, path)).toBe(false);
});

test("crab-can run: no file through which root changes the machine can be opened for writing", async () => {
  expect(await writable(run(), [...KERNEL_FILES, ...SYS_FILES])).toEqual([]);
  // It is the mounts that hold, not the missing capabilities.
  expect(await writable(run("--cap-add", "ALL"), [...KERNEL_FILES, ...SYS_FILES])).toEqual([]);
});

test("on phase 4 those of /proc can be opened for writing, on phase 2 those of /sys too", async () => {
  expect(await writable(on("phase 4", image.path), KERNEL_FILES)).toEqual([...KERNEL_FILES].sort());
  expect(await writable(on("phase 2", image.path), SYS_FILES)).not.toEqual([]);
});

needing("memory")("crab-can run: the container can read its own limits, and not change them", async () => {
  const isV2 = detectCgroups().controllers.get("memory")?.version === 2;
  const files = isV2
    ? ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/cgroup.procs"]
    : ["/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/cgroup.procs"];
  const program = run("--memory", "64M");
  expect(await writable(program, files)).toEqual([]);
  await using running = launch([...program, ...holdOpen(files.map((path) => `r:${path}`))]);
  expect(heldFiles(await commandProcess(running, READY))).toHaveLength(2);
});

test("crab-can run --read-only: the image cannot be changed, memory and volumes can", async () => {
  const volume = join(directory, "writable");
  mkdirSync(volume);
  writeFileSync(join(volume, "file"), "");
  const script = (program: readonly string[]) => [
    ...program,
    ...["sh", "-c", 'touch "$@" /dev/shm/file; exec sleep 60', "sh"],
    ...["/made", "/etc/made", "/tmp/made"],
  ];
  const made = () => ["made", "etc/made", "tmp/made"].filter((path) => existsSync(join(image.path, path)));
  const shared = async (program: readonly string[]) => {
    await using running = launch(script(program));
    return readdirSync(`/proc/${await commandProcess(running, "sleep")}/root/dev/shm`);
  };
  const options = ["--volume", `${volume}:/vol`, "--read-only"];
  expect(await shared(run(...options))).toEqual(["file"]);
  expect(made()).toEqual([]);
  expect(await writable(run(...options), ["/vol/file", "/etc/passwd", "/bin/sh"])).toEqual(["/vol/file"]);
  expect(await shared(run())).toEqual(["file"]);
  expect(made()).toEqual(["made", "etc/made", "tmp/made"]);
  for (const path of made()) rmSync(join(image.path, path));
});
