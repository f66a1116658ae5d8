/** Command lines of the phases that cannot work: the right error, the right status, nothing on stdout. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync } from "node:fs";
import { BUN, launchAndWait, PHASES, ROOT } from "../support/launch.ts";

setDefaultTimeout(60_000);

const ALL = Object.values(PHASES).map(([script]) => script);
const [SPAWN, ISOLATION, JAIL, FENCE] = ALL as [string, string, string, string];
const WITH_IMAGE = [JAIL, FENCE];
const IMAGE = ROOT; // any directory: nothing of it is used before the command line is understood

async function refused(script: string, words: readonly string[], code: string) {
  const { stdout, stderr, status } = await launchAndWait([script, ...words]);
  expect({ stdout, status, first: stderr.split(":")[0] }).toEqual({
    stdout: "",
    status: 125,
    first: `error[${code}]`,
  });
  expect(stderr).not.toContain("CAN-098");
  return stderr;
}

describe("a command line that cannot be understood", () => {
  test.each(ALL)("%s without a command says what is missing", async (script) => {
    const asks = WITH_IMAGE.includes(script) ? "which image?" : "which command?";
    expect(await refused(script, [], "CAN-002")).toContain(asks);
    expect(await refused(script, ["--"], "CAN-002")).toContain(asks);
    if (WITH_IMAGE.includes(script))
      expect(await refused(script, ["/tmp"], "CAN-002")).toContain("which command?");
  });

  test.each(ALL)("%s with an unknown option names it and where the help is", async (script) => {
    const stderr = await refused(script, ["--bogus", "true"], "CAN-002");
    expect(stderr).toContain("--bogus");
    expect(stderr).toContain(`${script.replace("phases/", "")} --help`);
  });

  test.each(WITH_IMAGE)("%s with an image but no command says so", async (script) => {
    await refused(script, [IMAGE], "CAN-002");
  });

  test.each([
    [SPAWN, "--hostname"],
    [SPAWN, "--memory"],
    [ISOLATION, "--memory"],
    [JAIL, "--cpus"],
  ] as const)("%s has not learned %s yet", async (script, option) => {
    await refused(script, [option, "1", IMAGE, "true"], "CAN-002");
  });
});

describe("an option that makes no sense", () => {
  test.each([
    [ISOLATION, ["--hostname", "a b", "true"], "CAN-003"],
    [ISOLATION, ["--hostname", "", "true"], "CAN-003"],
    [JAIL, ["--hostname", "x".repeat(65), IMAGE, "true"], "CAN-003"],
    [FENCE, ["--memory", "lots", IMAGE, "true"], "CAN-003"],
    [FENCE, ["--memory", "-5", IMAGE, "true"], "CAN-003"],
    [FENCE, ["-m", "1k", IMAGE, "true"], "CAN-004"],
    [FENCE, ["--cpus", "0", IMAGE, "true"], "CAN-003"],
    [FENCE, ["--pids=0", IMAGE, "true"], "CAN-003"],
    [FENCE, ["--pids", "1e3", IMAGE, "true"], "CAN-003"],
  ] as const)("%s %j is refused", async (script, words, code) => {
    await refused(script, words, code);
  });
});

describe("an image that cannot be one", () => {
  test.each(WITH_IMAGE)("%s: one that is not there, a file, and the host itself", async (script) => {
    expect(await refused(script, ["./no-such-image", "true"], "CAN-010")).toContain("./no-such-image");
    expect(await refused(script, ["", "true"], "CAN-010")).toContain('""');
    expect(await refused(script, ["/etc/passwd", "true"], "CAN-011")).toContain("/etc/passwd");
    await refused(script, ["/", "true"], "CAN-011");
    await refused(script, ["/proc/self/root", "true"], "CAN-011");
  });
});

describe("the help", () => {
  test.each(ALL)("of %s is on stdout, names its options and succeeds", async (script) => {
    const { stdout, stderr, status } = await launchAndWait([script, "--help"]);
    expect({ stderr, status }).toEqual({ stderr: "", status: 0 });
    expect(stdout).toContain(script.replace("phases/", ""));
    expect(stdout).toContain("--explain");
    expect(stdout.includes("--memory")).toBe(script === FENCE);
    expect(stdout.includes("--hostname")).toBe(script !== SPAWN);
  });

  test("behind the command it is the command's own", async () => {
    const { stdout, status } = await launchAndWait([SPAWN, "printf", "%s", "--help"]);
    expect({ stdout, status }).toEqual({ stdout: "--help", status: 0 });
  });
});

describe("somebody who is not root", () => {
  const isRoot = process.geteuid?.() === 0;
  // The checkout may lie where only root can look, so reading is all that is left of root's powers.
  const reading = ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"];
  const asNobody = isRoot ? ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", ...reading] : [];

  function runAsNobody(words: readonly string[]) {
    const { exitCode, stdout, stderr } = Bun.spawnSync([...asNobody, BUN, ...words], { cwd: ROOT });
    return { exitCode, stdout: stdout.toString(), stderr: stderr.toString() };
  }

  test.each([
    [ISOLATION, ["ls", "it's a dir"]],
    [JAIL, [IMAGE, "true"]],
    [FENCE, ["--memory", "64M", IMAGE, "true"]],
  ] as const)(
    "gets from %s the line to type, which a shell reads back to the same words",
    (script, words) => {
      const { exitCode, stdout, stderr } = runAsNobody([script, ...words]);
      expect({ exitCode, stdout }).toEqual({ exitCode: 125, stdout: "" });
      expect(stderr).toStartWith("error[CAN-001]");
      const line = /^help: sudo (.*)$/m.exec(stderr)?.[1] ?? "";
      const shown = Bun.spawnSync(["sh", "-c", `printf '%s\\n' ${line}`])
        .stdout.toString()
        .trimEnd()
        .split("\n");
      expect(shown.slice(1)).toEqual([`${ROOT_REAL}/${script}`, ...words]);
      expect(
        Bun.spawnSync([shown[0] ?? "", "--version"])
          .stdout.toString()
          .trim(),
      ).toBe(Bun.version);
    },
  );

  test("may use phase 1", () => {
    const { exitCode, stdout } = runAsNobody([SPAWN, "cat", "/proc/self/status"]);
    expect(exitCode).toBe(0);
    const uid = isRoot ? 65534 : process.geteuid?.();
    expect(/^Uid:\t(\d+)/m.exec(stdout)?.[1]).toBe(String(uid));
  });

  test("learns of a mistake in the command line before being asked for root", () => {
    expect(runAsNobody([JAIL, "./no-such-image", "true"]).stderr).toStartWith("error[CAN-010]");
  });
});

const ROOT_REAL = new URL("../..", import.meta.url).pathname.replace(/\/$/, "");

test("the help of every phase names only options that its lesson declares", () => {
  for (const script of ALL) {
    const source = readFileSync(`${ROOT}/${script}`, "utf8");
    const declared = [...(/options: \[([^\]]*)\]/.exec(source)?.[1]?.matchAll(/"(\w+)"/g) ?? [])].map(
      ([, name]) => name,
    );
    const shown = [
      ...Bun.spawnSync([BUN, `${ROOT}/${script}`, "--help"])
        .stdout.toString()
        .matchAll(/--(\w+) </g),
    ];
    expect(shown.map(([, name]) => name)).toEqual(declared);
  }
});
