/** What is read about processes, and the names that containers have: the parts that need no process. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { SIGNALS, type SignalName } from "../../src/libc/constants.ts";
import { cString, cStringArray } from "../../src/libc/library.ts";
import { containerEnvironment } from "../../src/linux/environment.ts";
import { candidates } from "../../src/linux/exec.ts";
import { checkHostname, checkName, randomId } from "../../src/linux/names.ts";
import { isInitProcess, parseStatus, readStatus, signalSetHas } from "../../src/linux/proc.ts";
import { decodeWaitStatus, describeWaitStatus, exitStatusOf } from "../../src/linux/wait-status.ts";
import { canErrorOf } from "../support/unit-errors.ts";

describe("a wait status", () => {
  test("every exit code is the command's own status", () => {
    for (let code = 0; code < 256; code++) {
      const status = decodeWaitStatus(code << 8);
      expect(status).toEqual({ kind: "exited", code });
      expect(exitStatusOf(status)).toBe(code);
    }
  });

  test("every signal is 128 more, with or without a core dump", () => {
    for (let signal = 1; signal <= 64; signal++) {
      for (const raw of [signal, signal | 0x80]) {
        const status = decodeWaitStatus(raw);
        expect(status).toEqual({ kind: "signaled", signal });
        expect(exitStatusOf(status)).toBe(128 + signal);
      }
    }
  });

  test("a stop is not an end", () => {
    expect(decodeWaitStatus(0x137f)).toEqual({ kind: "stopped", signal: SIGNALS.SIGSTOP });
  });

  test("is told in words", () => {
    expect(describeWaitStatus({ kind: "exited", code: 3 })).toBe("exited with status 3");
    expect(describeWaitStatus({ kind: "signaled", signal: 9 })).toBe("killed by SIGKILL");
    expect(describeWaitStatus({ kind: "signaled", signal: 35 })).toBe("killed by signal 35");
    expect(describeWaitStatus({ kind: "stopped", signal: 20 })).toBe("stopped by SIGTSTP");
  });
});

describe("where a command may be", () => {
  test.each([
    ["ls", "/usr/bin:/bin", ["/usr/bin/ls", "/bin/ls"]],
    ["ls", "", ["./ls"]],
    ["ls", ":/bin:", ["./ls", "/bin/ls", "./ls"]],
    ["/bin/ls", "/usr/bin", ["/bin/ls"]],
    ["./ls", "/usr/bin", ["./ls"]],
    ["bin/ls", "/usr/bin", ["bin/ls"]],
  ])("%s with PATH=%s", (name, path, expected) => {
    expect(candidates(name, path)).toEqual(expected);
  });
});

describe("/proc/PID/status", () => {
  const TEXT = [
    "Name:\tmy: prog\tx",
    "Umask:\t0022",
    "PPid:\t1",
    "NSpid:\t4242\t7\t1",
    "SigBlk:\t0000000000000000",
    "SigIgn:\t0000000001001000",
    "SigCgt:\t8000000180004002",
    "",
  ].join("\n");

  test("is fields with values, the values unharmed", () => {
    const status = parseStatus(TEXT);
    expect(status.get("Name")).toBe("my: prog\tx");
    expect(status.get("Umask")).toBe("0022");
    expect(status.size).toBe(7);
    expect(parseStatus("").size).toBe(0);
  });

  test("a signal set has the signals of its bits, bit 0 being signal 1, up to the highest", () => {
    const status = parseStatus(TEXT);
    const names = Object.keys(SIGNALS) as SignalName[];
    const members = (set: string) => names.filter((name) => signalSetHas(status, set, name));
    expect(members("SigIgn")).toEqual(["SIGPIPE", "SIGXFSZ"]);
    expect(members("SigCgt")).toEqual(["SIGINT", "SIGTERM"]);
    expect(members("SigBlk")).toEqual([]);
    expect(members("SigMissing")).toEqual([]);
  });

  test("any set of signals is found again", () => {
    fc.assert(
      fc.property(fc.subarray(Object.keys(SIGNALS) as SignalName[]), (names) => {
        const mask = names.reduce((word, name) => word | (1n << BigInt(SIGNALS[name] - 1)), 0n);
        const status = parseStatus(`SigBlk:\t${mask.toString(16).padStart(16, "0")}\n`);
        const found = Object.keys(SIGNALS).filter((name) =>
          signalSetHas(status, "SigBlk", name as SignalName),
        );
        expect(found).toEqual(names);
      }),
    );
  });

  test("PID 1 is told by the innermost namespace", () => {
    expect(isInitProcess(parseStatus(TEXT))).toBeTrue();
    expect(isInitProcess(parseStatus("NSpid:\t1\t7\n"))).toBeFalse();
    expect(isInitProcess(parseStatus("NSpid:\t11\n"))).toBeFalse();
    expect(isInitProcess(parseStatus(""))).toBeFalse();
  });

  test("is read of this very process", () => {
    expect(readStatus("self").get("Pid")).toBe(String(process.pid));
    expect(readStatus(process.pid).get("PPid")).toBe(String(process.ppid));
  });
});

describe("names", () => {
  test.each(["a", "0", "web-1", "A.b_c-9", "x".repeat(63)])("%s is a name and a hostname", (name) => {
    expect(checkName(name)).toBe(name);
    expect(checkHostname(name)).toBe(name);
  });

  test.each([
    "",
    "-a",
    ".",
    "..",
    ".a",
    "_a",
    "a b",
    "a/b",
    "../a",
    "a\n",
    "a\0",
    "ü",
    "x".repeat(65),
    "a:b",
  ])("%p is neither", (name) => {
    for (const check of [checkName, checkHostname]) {
      const { code, headline } = canErrorOf(() => check(name)).options;
      expect(code).toBe("CAN-003");
      expect(headline).toContain(JSON.stringify(name));
    }
  });

  test("a hostname may have 64 bytes, the kernel's limit, and a name 63", () => {
    const name = "x".repeat(64);
    expect(checkHostname(name)).toBe(name);
    expect(canErrorOf(() => checkName(name)).options.code).toBe("CAN-003");
  });

  test("any text is refused or is safe as a directory's name", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[a-z0-9._/-]{0,5}$/)), (text) => {
        let name: string;
        try {
          name = checkName(text);
        } catch {
          return;
        }
        expect(name).toBe(text);
        expect([name.includes("/"), name.startsWith("."), name === ""]).toEqual([false, false, false]);
      }),
      { numRuns: 500 },
    );
  });

  test("random ids are twelve hexadecimal digits, good as names, and differ", () => {
    const ids = Array.from({ length: 1000 }, randomId);
    expect(ids.filter((id) => !/^[0-9a-f]{12}$/.test(id) || checkName(id) !== id)).toEqual([]);
    expect(new Set(ids).size).toBe(1000);
  });
});

describe("texts for the kernel", () => {
  test("any text without NUL ends in exactly one", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (text) => {
        fc.pre(!text.includes("\0"));
        expect(cString(text)).toEqual(Buffer.concat([Buffer.from(text), Buffer.alloc(1)]));
      }),
    );
  });

  test("a NUL inside is an error: C would see a shorter text", () => {
    expect(() => cString("/safe\0/evil")).toThrow(TypeError);
    expect(() => cStringArray(["ok", "not\0ok"])).toThrow(TypeError);
  });

  test("an array of texts ends with a null pointer and has no other", () => {
    const { pointers, strings } = cStringArray(["a", "", "b"]);
    expect(strings.map(String)).toEqual(["a\0", "\0", "b\0"]);
    expect([...pointers].map((pointer) => pointer === 0n)).toEqual([false, false, false, true]);
    expect([...cStringArray([]).pointers]).toEqual([0n]);
  });
});

test("the environment of a container is chosen: of the host's there is TERM alone", () => {
  process.env.CRAB_TEST_SECRET = "secret";
  try {
    expect(Object.keys(containerEnvironment())).toEqual(["PATH", "HOME", "TERM"]);
    expect(containerEnvironment().TERM).toBe(process.env.TERM ?? "dumb");
    expect(containerEnvironment({ HOME: "/home/crab", A: "1" })).toMatchObject({
      HOME: "/home/crab",
      A: "1",
    });
  } finally {
    delete process.env.CRAB_TEST_SECRET;
  }
});
