/** Command lines: what is an option, what is the command's own, and what is refused. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type OptionSpec, parseCommandLine, splitAtOperands } from "../../src/command-line.ts";
import { canErrorOf, codeOf } from "../support/unit-errors.ts";

const SPECS: readonly OptionSpec[] = [
  { name: "name", value: "NAME", help: "a text" },
  { name: "memory", short: "m", value: "SIZE", help: "a text with a letter" },
  { name: "env", short: "e", value: "K=V", repeats: true, help: "may be there twice" },
  { name: "read-only", short: "r", help: "a switch" },
  { name: "explain", help: "a switch" },
];

function parse(...words: readonly string[]) {
  const parsed = parseCommandLine({ name: "test", usage: "[options] <command...>", specs: SPECS, words });
  if (parsed === undefined) throw new Error("the help was printed");
  return { options: Object.fromEntries(parsed.options), operands: parsed.operands };
}

const anyWord = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.constantFrom(
    "",
    "-",
    "--",
    "-m",
    "--memory",
    "--memory=1",
    "-x",
    "--help",
    "-h",
    "007",
    "a=b",
    "__proto__",
  ),
);
const commandName = fc.string().filter((word) => !word.startsWith("-") || word === "-");

describe("operands", () => {
  test("everything from the first operand on arrives unchanged, whatever it looks like", () => {
    fc.assert(
      fc.property(commandName, fc.array(anyWord), (first, rest) => {
        expect(parse("--memory", "64M", "-r", first, ...rest)).toEqual({
          options: { memory: ["64M"], "read-only": [] },
          operands: [first, ...rest],
        });
      }),
    );
  });

  test("everything behind -- arrives unchanged, even what looks like an option", () => {
    fc.assert(
      fc.property(fc.array(anyWord), (words) => {
        expect(parse("--explain", "--", ...words)).toEqual({ options: { explain: [] }, operands: words });
      }),
    );
  });

  test("only the first -- is taken away", () => {
    expect(parse("--", "--", "ls", "--", "-l").operands).toEqual(["--", "ls", "--", "-l"]);
    expect(parse("ls", "--", "-l").operands).toEqual(["ls", "--", "-l"]);
  });

  test("an empty word and a lone dash are operands", () => {
    expect(parse("", "-m")).toEqual({ options: {}, operands: ["", "-m"] });
    expect(parse("-", "-m")).toEqual({ options: {}, operands: ["-", "-m"] });
  });

  test("no words are no options and no operands", () => {
    expect(parse()).toEqual({ options: {}, operands: [] });
  });
});

describe("values", () => {
  const value = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.constantFrom("", "=", "-5", "--", "--memory", "true"),
  );

  test("any text arrives as it is, behind a space and behind an equals sign", () => {
    fc.assert(
      fc.property(value, (text) => {
        for (const words of [["--memory", text], [`--memory=${text}`], ["-m", text], [`-m=${text}`]]) {
          expect(parse(...words, "ls"), words.join(" ")).toEqual({
            options: { memory: [text] },
            operands: ["ls"],
          });
        }
      }),
    );
  });

  test("a value may be stuck to its letter", () => {
    expect(parse("-m64M", "ls").options).toEqual({ memory: ["64M"] });
    expect(parse("-m-5", "ls").options).toEqual({ memory: ["-5"] });
    expect(parse("-eA=B=C").options).toEqual({ env: ["A=B=C"] });
  });

  test.each(["007", "1e3", "0x10", "true", "false", "null", "undefined", "-5", "--explain", "1_000", ""])(
    "--name %p stays a text",
    (text) => expect(parse("--name", text, "ls").options).toEqual({ name: [text] }),
  );

  test("an option that repeats keeps its values in order, however each is written", () => {
    const words = ["-e", "A=1", "--env=B=2", "-eC=", "--env", "", "--explain", "-e=A=3"];
    expect(parse(...words)).toEqual({
      options: { env: ["A=1", "B=2", "C=", "", "A=3"], explain: [] },
      operands: [],
    });
  });
});

describe("what cannot be understood", () => {
  test.each([
    ["an unknown option", ["--bogus", "ls"], "--bogus"],
    ["an unknown letter", ["-x", "ls"], "-x"],
    ["an unknown option with a value", ["--bogus=1", "ls"], "--bogus"],
    ["a name in capitals", ["--Memory", "1", "ls"], "--Memory"],
    ["a value that is missing", ["--memory"], "--memory"],
    ["a value that is missing behind a letter", ["-m"], "--memory"],
    ["an option that is there twice", ["-m", "1", "--memory", "2"], "--memory"],
    ["the same value twice", ["--name=a", "--name=a"], "--name"],
    ["a switch that is there twice", ["--explain", "--explain"], "--explain"],
    ["three dashes", ["---memory", "5"], ""],
  ] as const)("%s is a usage error that names it", (_, words, named) => {
    const { code, headline, help } = canErrorOf(() => parse(...words)).options;
    expect(code).toBe("CAN-002");
    expect(headline).toContain(named);
    expect(help?.at(-1)).toBe("test --help shows what there is");
  });

  test.each([
    ["a switch with a value", ["--explain=false", "ls"]],
    ["a switch with an empty value", ["--explain=", "ls"]],
    ["a negated switch", ["--no-explain", "ls"]],
    ["a negated option", ["--no-memory", "ls"]],
    ["the help negated", ["--no-help", "ls"]],
    ["a part of an option", ["--memory.max=3", "ls"]],
    ["a part of a switch", ["--explain.all", "ls"]],
    ["a letter with two dashes", ["--e=5", "ls"]],
    ["a property that every object has", ["--constructor", "ls"]],
    ["the prototype of every object", ["--__proto__", "ls"]],
    ["a part of the prototype", ["--__proto__.explain=1", "ls"]],
  ])("%s is a usage error, not something else", (_, words) => {
    expect(codeOf(() => parse(...words))).toBe("CAN-002");
  });

  test("who types docker's -it is told to leave it out", () => {
    for (const habit of ["-it", "-i", "-t", "--rm", "--tty", "--interactive"]) {
      const { code, help } = canErrorOf(() => parse(habit, "ls")).options;
      expect(code).toBe("CAN-002");
      expect(help?.[0], habit).toContain("leave out -i, -t and --rm");
    }
    expect(canErrorOf(() => parse("--bogus")).options.help).toHaveLength(1);
  });

  test("any words are understood or are a usage error; nothing else is ever thrown", () => {
    // The help is an answer too, but it prints.
    const noHelp = (word: string) => !/^-[^-]*h|^--(no-)?help/.test(word);
    fc.assert(
      fc.property(fc.array(anyWord.filter(noHelp), { maxLength: 6 }), (words) => {
        expect(["none", "CAN-002"]).toContain(codeOf(() => parse(...words)));
      }),
      { numRuns: 500 },
    );
  });
});

describe("splitAtOperands", () => {
  test("leaves options for the parser, with every value attached", () => {
    expect(splitAtOperands(["-m", "1", "--name=x", "-r", "ls", "-m", "2"], SPECS)).toEqual({
      options: ["--memory==1", "--name==x", "--read-only"],
      operands: ["ls", "-m", "2"],
    });
  });

  test("a word that is none of the options is handed to whoever can say so", () => {
    const refuse = (word: string): never => {
      throw new Error(`refused ${word}`);
    };
    expect(() => splitAtOperands(["--bogus", "ls"], SPECS, refuse)).toThrow("refused --bogus");
    expect(() => splitAtOperands(["--explain=yes", "ls"], SPECS, refuse)).toThrow("refused --explain=yes");
    expect(() => splitAtOperands(["-x"], SPECS, refuse)).toThrow("refused -x");
  });
});
