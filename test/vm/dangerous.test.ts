/** What would hurt a real machine. Each case first shows that the danger is real, then that the wall holds. */
import { afterAll, expect } from "bun:test";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { examine, thisMachine } from "../../src/diagnostics/doctor.ts";
import {
  commandProcess,
  descendants,
  eventually,
  launch,
  launchAndWait,
  PHASES,
  RUN,
} from "../support/launch.ts";
import { keepLedger } from "../support/ledger.ts";
import { dangerous } from "../support/privileged.ts";
import { temporaryRootfs } from "../support/rootfs.ts";

keepLedger();
const image = temporaryRootfs();
afterAll(image.remove);

const MANY = 400;
// Every generation doubles; the brake is only so that a machine without any limit survives the test.
const BOMB = 'b() { [ "$1" -gt 10 ] && exec sleep 60; b $(($1 + 1)) & b $(($1 + 1)) & wait; }; b 0';

dangerous("without --pids a fork bomb takes as many processes as it likes, as doctor says", async () => {
  const advice = examine(thisMachine()).find(({ topic }) => topic === "processes");
  expect(advice?.mend).toContain("--pids");
  await using running = launch([...RUN, image.path, "bash", "-c", BOMB]);
  await eventually(`${MANY} processes`, () => descendants(running.pid).length > MANY || undefined, 200_000);
});

dangerous("with --pids the same bomb never gets above the limit, and the machine stays usable", async () => {
  await using running = launch([...RUN, "--pids", "32", image.path, "bash", "-c", `${BOMB}; exec sleep 60`]);
  let most = 0;
  for (let look = 0; look < 40; look++) {
    most = Math.max(most, descendants(running.pid).length);
    await Bun.sleep(100);
  }
  expect(most).toBeGreaterThan(16);
  expect(most).toBeLessThanOrEqual(32);
});

const KERNEL_SWITCHES = [
  "/proc/sysrq-trigger",
  "/proc/sys/kernel/sysrq",
  "/proc/sys/vm/drop_caches",
  "/proc/sys/kernel/panic",
];

dangerous("on phase 4 root inside may turn the machine's own switches", async () => {
  // "h" only prints the help of the magic SysRq key.
  const { status } = await launchAndWait([
    ...PHASES.fence,
    image.path,
    "sh",
    "-c",
    "echo h > /proc/sysrq-trigger",
  ]);
  expect(status).toBe(0);
});

dangerous("crab-can run: the machine's switches cannot be turned", async () => {
  const before = readFileSync("/proc/sys/kernel/panic", "utf8");
  for (const path of KERNEL_SWITCHES) {
    const { status, stderr } = await launchAndWait([...RUN, image.path, "sh", "-c", `echo 1 > ${path}`]);
    expect({ path, status, refused: /Read-only file system|Permission denied/.test(stderr) }).toEqual({
      path,
      status: 2,
      refused: true,
    });
  }
  expect(readFileSync("/proc/sys/kernel/panic", "utf8")).toBe(before);
});

/** Devices through which the machine itself can be reached; every kernel has the first. */
function realDevices(): { type: "c" | "b"; numbers: string }[] {
  const blocks = readdirSync("/sys/class/block").map((name) => ({
    type: "b" as const,
    numbers: readFileSync(`/sys/class/block/${name}/dev`, "utf8").trim(),
  }));
  return [
    { type: "c" as const, numbers: "1:11" },
    { type: "c" as const, numbers: "1:1" },
    ...blocks.slice(0, 2),
  ];
}

function openNode(place: string, type: string, numbers: string): string[] {
  const [major, minor] = numbers.split(":");
  return [
    "sh",
    "-c",
    `cd ${place} && rm -f node && mknod node ${type} ${major} ${minor} && exec 3<node && echo opened; rm -f node`,
  ];
}

dangerous(
  "on phase 4 root mounts what it likes, and the kernel's log opens through a node made there",
  async () => {
    const [sh = "", flag = "", open = ""] = openNode("/tmp", "c", "1:11");
    const script = `mount -t tmpfs tmpfs /tmp && ${open}`;
    const { stdout } = await launchAndWait([...PHASES.fence, image.path, sh, flag, script]);
    expect(stdout).toBe("opened\n");
  },
);

for (const place of ["/", "/tmp", "/dev", "/dev/shm"]) {
  dangerous(`crab-can run: a device node made in ${place} cannot be opened`, async () => {
    for (const { type, numbers } of realDevices()) {
      const { stdout, stderr } = await launchAndWait([...RUN, image.path, ...openNode(place, type, numbers)]);
      expect({ numbers, stdout, refused: stderr.includes("Permission denied") }).toEqual({
        numbers,
        stdout: "",
        refused: true,
      });
    }
  });
}

dangerous("a container cannot change the host's own device nodes", async () => {
  const mode = statSync("/dev/null").mode;
  await using running = launch([
    ...RUN,
    image.path,
    "sh",
    "-c",
    "chmod 000 /dev/null /dev/zero; chown 1:1 /dev/null; exec sleep 60",
  ]);
  await commandProcess(running, "sleep");
  expect(statSync("/dev/null").mode).toBe(mode);
  expect(statSync("/dev/null").uid).toBe(0);
});
