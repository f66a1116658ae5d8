/** Bad input to `crab-can run`: a clear error, the right exit status, nothing on stdout, nothing left. */
import { afterAll, beforeAll, expect } from "bun:test";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { shellQuote } from "../../src/diagnostics/root.ts";
import { launchAndWait, PHASES, ROOT, RUN } from "../support/launch.ts";
import { keepLedger } from "../support/ledger.ts";
import { test } from "../support/privileged.ts";
import { temporaryRootfs } from "../support/rootfs.ts";

keepLedger();
const image = temporaryRootfs();
const scratch = mkdtempSync(`${tmpdir()}/usage-`);
beforeAll(() => {
  writeFileSync(`${image.path}/bin/no-interpreter`, "#!/bin/not-there\n", { mode: 0o755 });
  writeFileSync(`${image.path}/bin/no-permission`, "#!/bin/sh\n", { mode: 0o644 });
  writeFileSync(`${image.path}/bin/no-format`, "neither this nor that\n", { mode: 0o755 });
});
afterAll(() => {
  image.remove();
  rmSync(scratch, { recursive: true });
});

const BAD: readonly (readonly [words: readonly string[], code: string, status: number])[] = [
  [[], "CAN-002", 125],
  [[image.path], "CAN-002", 125],
  [["--frobnicate", image.path, "true"], "CAN-002", 125],
  [["-it", image.path, "true"], "CAN-002", 125],
  [["--memory", "banana", image.path, "true"], "CAN-003", 125],
  [["--memory", "-5", image.path, "true"], "CAN-003", 125],
  [["--memory", "100k", image.path, "true"], "CAN-004", 125],
  [["--cpus", "0", image.path, "true"], "CAN-003", 125],
  [["--pids", "1.5", image.path, "true"], "CAN-003", 125],
  [["--name", "../x", image.path, "true"], "CAN-003", 125],
  [["--hostname", "a b", image.path, "true"], "CAN-003", 125],
  [["--network", "bridge", image.path, "true"], "CAN-003", 125],
  [["--cap-add", "CAP_FLY", image.path, "true"], "CAN-003", 125],
  [["--env", "=x", image.path, "true"], "CAN-003", 125],
  [["--workdir", "tmp", image.path, "true"], "CAN-003", 125],
  [["--workdir", "/not/there", image.path, "true"], "CAN-042", 125],
  [["--user", "nobody-at-all", image.path, "true"], "CAN-041", 125],
  [["--volume", "here", image.path, "true"], "CAN-003", 125],
  [["--volume", "/not/there:/mnt", image.path, "true"], "CAN-040", 125],
  [["--volume", `${scratch}:/bin/sh/below`, image.path, "true"], "CAN-043", 125],
  [["/not/there", "true"], "CAN-010", 125],
  [["/etc/passwd", "true"], "CAN-011", 125],
  [["/", "true"], "CAN-011", 125],
  [[image.path, "not-a-command"], "CAN-020", 127],
  [[image.path, "/bin/not-a-command"], "CAN-020", 127],
  [[image.path, ""], "CAN-020", 127],
  [[image.path, "no-interpreter"], "CAN-020", 127],
  [[image.path, "no-permission"], "CAN-021", 126],
  [[image.path, "no-format"], "CAN-021", 126],
  [[image.path, "/etc"], "CAN-021", 126],
];

for (const [words, code, status] of BAD) {
  test(`crab-can run ${words.join(" ").replaceAll(image.path, "IMAGE").replaceAll(scratch, "DIR")}: ${code}`, async () => {
    const finished = await launchAndWait([...RUN, ...words]);
    expect(finished.stderr).toStartWith(`error[${code}]: `);
    expect(finished.stderr).toContain(`more: docs/errors/${code}.md`);
    expect(finished).toMatchObject({ status, stdout: "" });
  });
}

for (const [name, program] of Object.entries({ jail: PHASES.jail, fence: PHASES.fence })) {
  test(`${name}: an image without the command is 127, one that cannot be executed 126`, async () => {
    expect(await launchAndWait([...program, image.path, "not-a-command"])).toMatchObject({
      status: 127,
      stdout: "",
    });
    expect(await launchAndWait([...program, image.path, "no-format"])).toMatchObject({
      status: 126,
      stdout: "",
    });
  });
}

test("a directory that is no image, named by mistake, is left as it was", async () => {
  const mistake = `${scratch}/mistake`;
  mkdirSync(mistake);
  expect(await launchAndWait([...RUN, mistake, "ls"])).toMatchObject({ status: 127, stdout: "" });
  expect(readdirSync(mistake)).toEqual([]);
});

test("--explain into a pipe that nobody reads, or a full disk, changes nothing else", async () => {
  for (const rest of ["2>/dev/full", "2>&1 >/dev/null | head -1 >/dev/null"]) {
    const line = `${[process.execPath, ...RUN, "--explain", image.path, "sh", "-c", "exit 7"].map(shellQuote).join(" ")} ${rest}; exit \${PIPESTATUS[0]}`;
    const child = Bun.spawn(["bash", "-c", line], {
      cwd: ROOT,
      stdin: "ignore",
      stdout: "ignore",
      stderr: "ignore",
    });
    expect({ rest, status: await child.exited }).toEqual({ rest, status: 7 });
  }
});

test("exit statuses are the command's own, and 128 + N when signal N killed it", async () => {
  for (const status of [0, 1, 42, 255]) {
    expect((await launchAndWait([...RUN, image.path, "sh", "-c", `exit ${status}`])).status).toBe(status);
  }
  // PID 1 cannot kill itself, so the signal that ends it comes from a child that it then imitates, or from the kernel.
  expect((await launchAndWait([...RUN, image.path, "sh", "-c", "sh -c 'kill -9 $$'; exit $?"])).status).toBe(
    137,
  );
  expect((await launchAndWait([...PHASES.spawn, "sh", "-c", "kill -15 $$"])).status).toBe(143);
});

test("as an ordinary user every command that needs root says so, with the line to type", async () => {
  const words = [process.execPath, "phases/2-isolation.ts", "--hostname", "a-b", "sh", "-c", "echo 'a b'"];
  const child = Bun.spawn(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", ...words], {
    cwd: `${import.meta.dir}/../..`,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const stderr = await child.stderr.text();
  expect(await child.exited).toBe(125);
  expect(stderr).toStartWith("error[CAN-001]: ");
  const line = /^help: sudo (.+)$/m.exec(stderr)?.[1] ?? "";
  // The line works as it stands, and its quoting survives a shell.
  const again = Bun.spawnSync(["sh", "-c", line]);
  expect(again.stdout.toString()).toBe("a b\n");
});
