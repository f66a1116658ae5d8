/** How calls, flags and words are shown: what is printed must say what was passed. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { shellQuote } from "../../src/diagnostics/root.ts";
import { describeErrno, formatCall, SyscallError } from "../../src/libc/call.ts";
import { CLONE, IOCTL, MNT, MOUNT_ATTR, MS, O, RESOLVE, SIGNALS, WAIT } from "../../src/libc/constants.ts";
import { constant, decodeFlags, flags, hex } from "../../src/libc/flags.ts";

describe("decodeFlags", () => {
  const tables: readonly Readonly<Record<string, number>>[] = [CLONE, MS, MNT, MOUNT_ATTR, O, RESOLVE, WAIT];

  /** The value that a decoded text stands for. */
  function wordOf(table: Readonly<Record<string, number>>, text: string): number {
    if (text === "0") return 0;
    return text.split("|").reduce((value, name) => value | (table[name] ?? Number(name)), 0) >>> 0;
  }

  test("names or-ed back give the same word, for any 32 bits", () => {
    fc.assert(
      fc.property(fc.constantFrom(...tables), fc.integer({ min: 0, max: 0xffff_ffff }), (table, value) => {
        expect(wordOf(table, decodeFlags(table, value))).toBe(value);
      }),
      { numRuns: 1000 },
    );
  });

  test("a set of named flags comes back as exactly these names", () => {
    fc.assert(
      fc.property(fc.subarray(Object.keys(MS), { minLength: 1 }), (names) => {
        const value = names.reduce((word, name) => word | MS[name as keyof typeof MS], 0);
        expect(decodeFlags(MS, value).split("|").sort()).toEqual([...names].sort());
      }),
    );
  });

  test.each([
    ["MS_RDONLY|MS_NODEV", MS, 5],
    ["0", MS, 0],
    ["O_RDONLY", O, 0],
    ["O_WRONLY|O_CLOEXEC", O, 0o2000001],
    ["MS_RDONLY|0x80000000", MS, 0x8000_0001],
    ["0x1", CLONE, 1],
  ] as const)("it prints %s", (text, table, value) => {
    expect(decodeFlags(table, value)).toBe(text);
    expect(String(flags(table, value))).toBe(text);
  });
});

test("a constant is named as a whole, or shown in hexadecimal", () => {
  expect(String(constant(IOCTL, 0x8914))).toBe("SIOCSIFFLAGS");
  expect(String(constant({ WIDE: 0x8004_5430 }, 0x8004_5430))).toBe("WIDE");
  expect(String(constant(IOCTL, 0x80045499))).toBe("0x80045499");
  expect(String(constant(SIGNALS, 9))).toBe("SIGKILL");
  expect(String(hex(0x8000_0000_0000_0000n))).toBe("0x8000000000000000");
});

describe("formatCall", () => {
  test("shows each argument the way strace does", () => {
    const args = {
      source: null,
      target: 'a "b"\n',
      flags: flags(MS, 5),
      count: 3,
      mask: 7n,
      argv: ["a b", ""],
    };
    expect(formatCall("mount", args)).toBe(
      'mount(source=NULL, target="a \\"b\\"\\n", flags=MS_RDONLY|MS_NODEV, count=3, mask=7, argv=["a b", ""])',
    );
    expect(formatCall("setsid", {})).toBe("setsid()");
  });

  test("a long text and a long list are cut, and it can be seen that they were", () => {
    const long = formatCall("write", { data: "x".repeat(1_000_000) });
    expect(long.length).toBeLessThan(300);
    expect(long).toEndWith('x"…)');
    const list = formatCall("execve", { argv: Array.from({ length: 100_000 }, (_, n) => `argument-${n}`) });
    expect(list.length).toBeLessThan(1000);
    expect(list).toContain('"argument-0", "argument-1"');
    expect(list).toEndWith(", …])");
  });

  test("no arguments, however long, make a call longer than a pipe takes at once", () => {
    const texts = fc.string({ maxLength: 5000, size: "max" });
    fc.assert(
      fc.property(texts, fc.array(texts, { maxLength: 40 }), (path, argv) => {
        expect(Buffer.byteLength(formatCall("execve", { path, argv }))).toBeLessThan(65_536);
      }),
      { numRuns: 20 },
    );
  });

  test("what is not cut is shown in full", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 200 }), (path) => {
        expect(formatCall("open", { path })).toBe(`open(path=${JSON.stringify(path)})`);
      }),
    );
  });
});

test("a failed call says what was called, with what, and the kernel's reason", () => {
  const error = new SyscallError({ name: "mount", args: { target: "/x", flags: flags(MS, 1) }, errno: 16 });
  expect(error.message).toBe('mount(target="/x", flags=MS_RDONLY) = EBUSY (Device or resource busy)');
  expect(error).toMatchObject({ name: "SyscallError", syscall: "mount", errno: 16, code: "EBUSY" });
  expect(describeErrno(2)).toBe("No such file or directory");
});

describe("shellQuote", () => {
  const words = fc
    .array(
      fc.oneof(
        fc.string(),
        fc.string({ unit: "grapheme" }),
        fc.constantFrom("", "'", "'\\''", "$HOME", "~", "*"),
      ),
    )
    .map((list) => list.map((word) => word.replaceAll("\0", "")));

  test("a POSIX shell gives the words back as they were", () => {
    fc.assert(
      fc.property(words, (list) => {
        const script = `printf '%s\\0' ${list.map(shellQuote).join(" ")}`;
        const { stdout, stderr } = Bun.spawnSync(["sh", "-c", list.length === 0 ? ":" : script]);
        expect(stderr.toString()).toBe("");
        expect(stdout.toString()).toBe(list.map((word) => `${word}\0`).join(""));
      }),
      { numRuns: 50 },
    );
  });

  test("what needs no quotes gets none, and the empty word is not lost", () => {
    expect(["/usr/bin/bun", "--memory=64M", "a_b-c.d:e,f@g%h+i"].map(shellQuote)).toEqual([
      "/usr/bin/bun",
      "--memory=64M",
      "a_b-c.d:e,f@g%h+i",
    ]);
    expect(shellQuote("")).toBe("''");
    expect(shellQuote("it's")).toBe("'it'\\''s'");
  });
});
