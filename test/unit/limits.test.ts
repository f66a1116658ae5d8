/** How users write limits, and what is made of nonsense. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { formatBytes, MEMORY_BYTES_MIN, parseBytes, parseLimits } from "../../src/linux/cgroup/limits.ts";
import { canErrorOf, codeOf } from "../support/unit-errors.ts";

const MIB = 1024 ** 2;

describe("parseBytes", () => {
  test.each([
    ["0", 0],
    ["1", 1],
    ["64b", 64],
    ["512k", 512 * 1024],
    ["64M", 64 * MIB],
    ["64m", 64 * MIB],
    ["64MB", 64 * MIB],
    ["64MiB", 64 * MIB],
    ["1.5G", 1.5 * 1024 * MIB],
    ["0.5k", 512],
    ["2T", 2 * MIB * MIB],
    ["007", 7],
  ] as const)("%s is %d bytes", (text, bytes) => {
    expect(parseBytes(text)).toBe(bytes);
  });

  test.each([
    ...[
      "",
      " ",
      "M",
      "-1",
      "+1",
      "1e6",
      "0x10",
      "1,5M",
      ".5M",
      "5.",
      "1..2",
      "64 M",
      " 64M",
      "64M ",
      "64M\n",
    ],
    ...["64X", "64MM", "NaN", "Infinity", "max", "unlimited", "٦٤", "9007199254740993", "99999999T", "--"],
    ...["64bb", "64bib", "64ib"],
  ])("%p is no size", (text) => {
    expect(parseBytes(text)).toBeUndefined();
  });

  test("whole sizes in every unit come out exactly", () => {
    const units = { b: 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3, t: 1024 ** 4 };
    fc.assert(
      fc.property(fc.constantFrom(...Object.entries(units)), fc.nat(8000), ([unit, factor], count) => {
        expect(parseBytes(`${count}${unit}`)).toBe(count * factor);
        expect(parseBytes(`${count}${unit.toUpperCase()}`)).toBe(count * factor);
      }),
    );
  });

  test("any text is a whole number of bytes or no size, never NaN", () => {
    const likely = fc.stringMatching(/^[-+]?[0-9.]{0,20}[bkmgtiBKMGT ]{0,3}$/);
    fc.assert(
      fc.property(fc.oneof(fc.string(), likely), (text) => {
        const bytes = parseBytes(text);
        expect(bytes === undefined || (Number.isSafeInteger(bytes) && bytes >= 0)).toBeTrue();
      }),
      { numRuns: 1000 },
    );
  });
});

describe("formatBytes", () => {
  test.each([
    [0, "0 B"],
    [1023, "1023 B"],
    [1024, "1 KiB"],
    [1536, "1.5 KiB"],
    [64 * MIB, "64 MiB"],
    [2 ** 40, "1 TiB"],
    [2 ** 53, "8192 TiB"],
  ])("%d reads %s", (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });

  test("what it shows is right to a tenth of its unit, and below TiB never reaches the next unit", () => {
    const steps = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3, TiB: 1024 ** 4 };
    const aroundSteps = fc
      .tuple(fc.constantFrom(...Object.values(steps)), fc.integer({ min: -200, max: 200 }))
      .map(([step, off]) => Math.max(0, step + off));
    fc.assert(
      fc.property(fc.oneof(fc.maxSafeNat(), aroundSteps), (bytes) => {
        const [number = "", unit = ""] = formatBytes(bytes).split(" ");
        const step = steps[unit as keyof typeof steps];
        expect(Math.abs(Number(number) * step - bytes)).toBeLessThanOrEqual(step / 20 + 1e-6 * step);
        if (unit !== "TiB") expect(Number(number)).toBeLessThan(1024);
      }),
      { numRuns: 1000 },
    );
  });
});

describe("parseLimits", () => {
  test("what is not asked for is not limited", () => {
    expect(parseLimits({})).toEqual({});
    expect(parseLimits({ memory: undefined, cpus: undefined, pids: undefined })).toEqual({});
  });

  test("reads all three", () => {
    expect(parseLimits({ memory: "64M", cpus: "0.5", pids: "64" })).toEqual({
      memoryBytesMax: 64 * MIB,
      cpusMax: 0.5,
      pidsMax: 64,
    });
  });

  test.each(["0", "-1", "1.5", "", " ", "1e3", "many", "max", "4194305", "0x10", "1 "])(
    "--pids %p is nonsense",
    (pids) => {
      expect(canErrorOf(() => parseLimits({ pids })).options).toMatchObject({ code: "CAN-003" });
    },
  );

  test.each(["0", "0.009", "-1", "", ".", "1.", "1e3", "half", "8193", "NaN", "Infinity", "1,5", "1.2.3"])(
    "--cpus %p is nonsense",
    (cpus) => expect(canErrorOf(() => parseLimits({ cpus })).options).toMatchObject({ code: "CAN-003" }),
  );

  test.each([
    ["0.01", 0.01],
    [".5", 0.5],
    ["2", 2],
    ["8192", 8192],
  ] as const)("--cpus %s is taken", (cpus, cpusMax) => {
    expect(parseLimits({ cpus })).toEqual({ cpusMax });
  });

  test("memory below what a program needs to start is refused, the least that works is taken", () => {
    expect(codeOf(() => parseLimits({ memory: String(MEMORY_BYTES_MIN - 1) }))).toBe("CAN-004");
    expect(codeOf(() => parseLimits({ memory: "0" }))).toBe("CAN-004");
    expect(parseLimits({ memory: String(MEMORY_BYTES_MIN) })).toEqual({ memoryBytesMax: MEMORY_BYTES_MIN });
  });

  test("any text is a sound limit or an error that repeats it, with an example to copy that works", () => {
    const texts = fc.oneof(fc.string(), fc.stringMatching(/^-?[0-9]{0,4}\.?[0-9]{0,4}[kmgKMG]?$/));
    fc.assert(
      fc.property(texts, fc.constantFrom("memory", "cpus", "pids"), (text, option) => {
        let limits: object;
        try {
          limits = parseLimits({ [option]: text });
        } catch {
          const { code, help = [] } = canErrorOf(() => parseLimits({ [option]: text })).options;
          expect(["CAN-003", "CAN-004"]).toContain(code);
          const [, name = "", value] = /--(\w+) (\S+)$/.exec(help[0] ?? "") ?? [];
          expect(name).toBe(option);
          expect(codeOf(() => parseLimits({ [name]: value }))).toBe("none");
          return;
        }
        const [value] = Object.values(limits);
        expect(Number.isFinite(value) && value > 0).toBeTrue();
      }),
      { numRuns: 1000 },
    );
  });
});
