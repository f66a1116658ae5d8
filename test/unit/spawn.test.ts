/** Phase 1, which needs no root: what the command is given, seen from outside, and what comes back of it. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import {
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { containerEnvironment } from "../../src/linux/environment.ts";
import { readStatus } from "../../src/linux/proc.ts";
import { BUN, descendants, eventually, launchAndWait, PHASES, ROOT } from "../support/launch.ts";

setDefaultTimeout(60_000);

const SPAWN = PHASES.spawn[0];
const run = (...command: readonly string[]) => launchAndWait([SPAWN, ...command]);

describe("what comes back", () => {
  test.each([0, 3, 127, 255])("a command's status %d", async (code) => {
    expect((await run("sh", "-c", `exit ${code}`)).status).toBe(code);
  });

  test.each([
    ["INT", 2],
    ["SEGV", 11],
    ["KILL", 9],
    ["TERM", 15],
    ["WINCH", undefined],
  ] as const)("128 more when SIG%s has killed it", async (name, number) => {
    const { status } = await run("sh", "-c", `ulimit -c 0; kill -${name} $$; exit 7`);
    expect(status).toBe(number === undefined ? 7 : 128 + number);
  });

  test("what it prints, each stream for itself, and nothing of ours", async () => {
    expect(await run("sh", "-c", "echo out; echo err >&2")).toEqual({
      stdout: "out\n",
      stderr: "err\n",
      status: 0,
    });
  });

  test("what it is fed", async () => {
    const text = "x".repeat(200_000);
    const { stdout } = await launchAndWait([SPAWN, "cat"], { stdin: new Blob([text]) });
    expect(stdout).toBe(text);
  });

  test("with --explain, the calls on stderr and stdout untouched", async () => {
    const { stdout, stderr, status } = await run("--explain", "printf", "hello");
    expect({ stdout, status }).toEqual({ stdout: "hello", status: 0 });
    expect(stderr).toMatch(/^outside +\d+ posix_spawn\(path="\/\S+\/printf", argv=\["printf", "hello"\]/m);
    expect(stderr).toContain("A new process was born");
  });
});

describe("a command that cannot be run", () => {
  async function refused(command: string, status: number, code: string) {
    const result = await run(command, "argument");
    expect({ stdout: result.stdout, status: result.status }).toEqual({ stdout: "", status });
    expect(result.stderr).toStartWith(`error[${code}]`);
    expect(result.stderr).toContain(JSON.stringify(command));
  }

  test("is 127 when there is none, by name or by path, or when its name is empty", async () => {
    await refused("no-such-command", 127, "CAN-020");
    await refused("/no/such/command", 127, "CAN-020");
    await refused("/etc/passwd/command", 127, "CAN-020");
    await refused("", 127, "CAN-020");
  });

  test("is 126 when there is one: a directory, a plain file, a file of no format the kernel knows", async () => {
    const directory = mkdtempSync(join(tmpdir(), "unit-spawn-"));
    try {
      writeFileSync(`${directory}/plain`, "#!/bin/sh\n", { mode: 0o644 });
      writeFileSync(`${directory}/formless`, "echo no first line\n", { mode: 0o755 });
      await refused(directory, 126, "CAN-021");
      await refused(`${directory}/plain`, 126, "CAN-021");
      await refused(`${directory}/formless`, 126, "CAN-021");
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});

describe("arguments", () => {
  const word = fc.oneof(
    fc.string({ unit: "grapheme" }),
    fc.constantFrom(
      "",
      " ",
      "a b",
      "it's",
      '"',
      "\\",
      "$HOME",
      "*",
      "-x",
      "--",
      "--help",
      "\n",
      "ünï",
      "🦀",
      "a=b",
      "007",
    ),
  );

  test("arrive unchanged, whatever they are", async () => {
    const words = fc.array(
      word.map((text) => text.replaceAll("\0", "")),
      { minLength: 1, maxLength: 8 },
    );
    await fc.assert(
      fc.asyncProperty(words, async (list) => {
        const { stdout, status } = await run("printf", "%s\\0", ...list);
        expect({ stdout, status }).toEqual({ stdout: list.map((text) => `${text}\0`).join(""), status: 0 });
      }),
      { numRuns: 24 },
    );
  });

  test("arrive in full when they are many and long", async () => {
    const list = Array.from({ length: 200 }, (_, index) => `${index}`.padEnd(1000, "x"));
    expect((await run("printf", "%s\\0", ...list)).stdout).toBe(list.map((text) => `${text}\0`).join(""));
  });
});

describe("seen from outside, the command", () => {
  interface Seen {
    readonly runtime: number;
    readonly command: number;
  }

  /** Runs `sleep` in phase 1, started by `prefix` with a fourth descriptor, and looks at it. */
  async function whileSleeping(
    look: (seen: Seen) => void,
    { prefix = [], env = {} }: { prefix?: readonly string[]; env?: Record<string, string> } = {},
  ): Promise<void> {
    const inherited = openSync("/etc/passwd", "r");
    const child = Bun.spawn([...prefix, BUN, `${ROOT}/${SPAWN}`, "sleep", "60"], {
      stdio: ["ignore", "ignore", "inherit", inherited],
      env: { ...process.env, ...env },
    });
    let command: number | undefined;
    try {
      command = await eventually("sleep", () =>
        descendants(child.pid).find((pid) => nameOf(pid) === "sleep"),
      );
      look({ runtime: readStatus(command).get("PPid") === String(child.pid) ? child.pid : -1, command });
    } finally {
      if (command !== undefined) process.kill(command, "SIGKILL");
      else child.kill("SIGKILL");
      await child.exited;
    }
  }

  function nameOf(pid: number): string {
    try {
      return readFileSync(`/proc/${pid}/comm`, "utf8").trim();
    } catch {
      return "";
    }
  }

  test("has the chosen environment and nothing else of ours", async () => {
    await whileSleeping(
      ({ runtime, command }) => {
        expect(readFileSync(`/proc/${runtime}/environ`, "utf8")).toContain("CRAB_SECRET=hidden");
        const { PATH, HOME } = containerEnvironment();
        expect(readFileSync(`/proc/${command}/environ`, "utf8").split("\0")).toEqual([
          `PATH=${PATH}`,
          `HOME=${HOME}`,
          "TERM=vt52",
          "",
        ]);
      },
      { env: { CRAB_SECRET: "hidden", TERM: "vt52", LD_PRELOAD: "" } },
    );
    const inside = await run("env", "-0");
    const keys = inside.stdout.split("\0").map((entry) => entry.split("=")[0]);
    expect(keys).toEqual(["PATH", "HOME", "TERM", ""]);
  });

  test("has descriptors 0, 1 and 2, though the runtime process was given a fourth", async () => {
    await whileSleeping(({ runtime, command }) => {
      expect(readlinkSync(`/proc/${runtime}/fd/3`)).toBe("/etc/passwd");
      expect(readdirSync(`/proc/${command}/fd`).map(Number).sort()).toEqual([0, 1, 2]);
    });
  });

  test("ignores and blocks no signal, though its parent ignores some", async () => {
    await whileSleeping(
      ({ runtime, command }) => {
        const ignored = (pid: number) => BigInt(`0x${readStatus(pid).get("SigIgn")}`);
        const sigpipe = 1n << 12n;
        expect(ignored(runtime) & sigpipe).toBe(sigpipe);
        const status = readStatus(command);
        expect(["SigIgn", "SigBlk", "SigCgt"].map((set) => BigInt(`0x${status.get(set)}`))).toEqual([
          0n,
          0n,
          0n,
        ]);
      },
      { prefix: ["sh", "-c", "trap '' USR1 PIPE TTIN; exec \"$@\"", "sh"] },
    );
  });

  test("has a umask and a limit of open files that do not depend on who started us", async () => {
    await whileSleeping(
      ({ runtime, command }) => {
        expect(readStatus(runtime).get("PPid")).toBe(String(process.pid));
        expect(readStatus(command).get("Umask")).toBe("0022");
        const [soft] =
          /^Max open files +(\d+)/m.exec(readFileSync(`/proc/${command}/limits`, "utf8"))?.slice(1) ?? [];
        expect(soft).toBe("1024");
      },
      { prefix: ["sh", "-c", 'umask 077; exec "$@"', "sh"] },
    );
  });

  test("leads a session of its own: it cannot push input into our terminal", async () => {
    await whileSleeping(({ runtime, command }) => {
      const session = (pid: number) =>
        readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ")[3];
      expect(session(command)).toBe(String(command));
      expect(session(runtime)).not.toBe(String(command));
    });
  });

  test("is in the namespaces of the host still: this is only phase 1", async () => {
    await whileSleeping(({ runtime, command }) => {
      for (const name of ["pid", "mnt", "uts", "ipc", "net", "cgroup", "user"]) {
        expect(readlinkSync(`/proc/${command}/ns/${name}`), name).toBe(
          readlinkSync(`/proc/${runtime}/ns/${name}`),
        );
      }
    });
  });
});
