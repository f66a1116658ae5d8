/** From options to a container's configuration: the parts that call nothing. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { DEFAULT_CAPABILITIES, maskOf } from "../../src/container/capabilities.ts";
import { configure } from "../../src/container/config.ts";
import { findUser } from "../../src/container/user.ts";
import { CAPABILITIES } from "../../src/libc/constants.ts";
import { canErrorOf, codeOf } from "../support/unit-errors.ts";

const withOptions = (options: Record<string, readonly string[]>) =>
  configure(new Map(Object.entries(options)), "host", ["true"]);

describe("configure", () => {
  test("without options: a random name that is the hostname too, no limits, no network, nothing of the host", () => {
    const config = withOptions({});
    expect(config.id).toMatch(/^[0-9a-f]{12}$/);
    expect(config).toMatchObject({
      hostname: config.id,
      image: { kind: "host" },
      limits: {},
      environment: {},
      workdir: "/",
      user: undefined,
      readOnly: false,
      volumes: [],
      network: "none",
      explain: false,
    });
  });

  test("survives the way to the init process as JSON", () => {
    const config = withOptions({
      env: ["A=1"],
      volume: ["/tmp:/data:ro"],
      memory: ["64M"],
      "cap-drop": ["ALL"],
      user: ["1:2"],
    });
    expect(JSON.parse(JSON.stringify(config))).toEqual(config);
  });

  test("an environment entry is split at its first =, and K alone is the host's value", () => {
    process.env.CRAB_TEST_VALUE = "of=host";
    try {
      const { environment } = withOptions({
        env: ["A=b=c", "B=", "CRAB_TEST_VALUE", "CRAB_TEST_MISSING", "A=2"],
      });
      expect(environment).toEqual({ A: "2", B: "", CRAB_TEST_VALUE: "of=host" });
    } finally {
      delete process.env.CRAB_TEST_VALUE;
    }
  });

  test.each(["toString", "constructor", "__proto__"])("--env %s, which no host has, adds nothing", (key) => {
    expect(Object.entries(withOptions({ env: [key] }).environment)).toEqual([]);
  });

  test("--env __proto__=1 is a variable like any other", () => {
    expect(Object.entries(withOptions({ env: ["__proto__=1"] }).environment)).toEqual([["__proto__", "1"]]);
  });

  test("a volume is a source made absolute, a target without the first slash, and a mode", () => {
    expect(
      withOptions({ volume: ["/tmp:/data", "/etc/passwd:/a/../b/file:ro", "/tmp:/x/:rw"] }).volumes,
    ).toEqual([
      { source: "/tmp", target: "data", kind: "directory", readOnly: false },
      { source: "/etc/passwd", target: "b/file", kind: "file", readOnly: true },
      { source: "/tmp", target: "x", kind: "directory", readOnly: false },
    ]);
  });

  test.each([
    ["env", "=1"],
    ["env", ""],
    ["workdir", "tmp"],
    ["workdir", ""],
    ["network", "bridge"],
    ["network", ""],
    ["volume", "/tmp"],
    ["volume", ":/data"],
    ["volume", "/tmp:data"],
    ["volume", "/tmp:/"],
    ["volume", "/tmp:/x/.."],
    ["volume", "/tmp:/data:rx"],
    ["volume", "/tmp:/data:ro:z"],
    ["cap-add", "FLY"],
    ["cap-drop", ""],
    ["name", "../escape"],
    ["hostname", "a b"],
  ])("--%s %p makes no sense, and the error names the option", (option, value) => {
    const { code, headline } = canErrorOf(() => withOptions({ [option]: [value] })).options;
    expect(code).toBe("CAN-003");
    expect(headline).toContain(`--${option}`);
  });

  test.each(["/no/such/directory", "/etc/passwd/below"])(
    "a volume of %s, which is not there, is CAN-040",
    (path) => {
      expect(codeOf(() => withOptions({ volume: [`${path}:/data`] }))).toBe("CAN-040");
    },
  );

  test("any texts are a configuration or an error that users can read", () => {
    const options = fc.dictionary(
      fc.constantFrom("name", "hostname", "memory", "cpus", "pids", "env", "workdir", "network", "cap-add"),
      fc.array(fc.string(), { minLength: 1, maxLength: 2 }),
      { noNullPrototype: true },
    );
    fc.assert(
      fc.property(options, (some) => {
        expect(["none", "CAN-003", "CAN-004", "CAN-006"]).toContain(codeOf(() => withOptions(some)));
      }),
      { numRuns: 300 },
    );
  });
});

describe("capabilities", () => {
  test("what is kept is never more than was asked for", () => {
    const drop = (...names: string[]) => withOptions({ "cap-drop": names }).capabilities;
    expect(drop("ALL")).toEqual([]);
    expect(withOptions({}).capabilities.filter((name) => !DEFAULT_CAPABILITIES.includes(name))).toEqual([]);
    expect(
      drop("chown", "CAP_KILL", "cap_net_raw").filter((name) => /CHOWN|KILL|NET_RAW/.test(name)),
    ).toEqual([]);
  });

  test("the default set reaches neither the machine nor its hardware, clock, mounts and modules", () => {
    const dangerous = /SYS_(ADMIN|MODULE|RAWIO|PTRACE|BOOT|TIME|RESOURCE)|NET_ADMIN|MAC_|SYSLOG|BPF|PERFMON/;
    expect(DEFAULT_CAPABILITIES.filter((name) => dangerous.test(name))).toEqual([]);
  });

  test("the mask has the bit of each capability and no other", () => {
    expect(maskOf([])).toBe(0n);
    expect(maskOf(["CAP_CHOWN", "CAP_SYS_ADMIN"])).toBe(1n | (1n << 21n));
    fc.assert(
      fc.property(fc.subarray([...CAPABILITIES]), (some) => {
        const mask = maskOf(some);
        expect(CAPABILITIES.filter((_, bit) => ((mask >> BigInt(bit)) & 1n) === 1n)).toEqual(some);
      }),
    );
  });
});

describe("findUser", () => {
  const PASSWD =
    "root:x:0:0:root:/root:/bin/sh\ncrab:x:1000:1000::/home/crab:/bin/sh\nnohome:x:7:8::\n# a:b\nbroken\n";
  const GROUP = "root:x:0:\nwheel:x:10:root,crab\nshell:x:42:crab\ncrab:x:1000:\nlook:x:43:crabby\n";
  const find = (text: string) => findUser(text, PASSWD, GROUP);

  test.each([
    ["0", { uid: 0, gid: 0, groups: [0, 10], home: "/root" }],
    ["root", { uid: 0, gid: 0, groups: [0, 10], home: "/root" }],
    ["crab", { uid: 1000, gid: 1000, groups: [1000, 10, 42], home: "/home/crab" }],
    ["1000", { uid: 1000, gid: 1000, groups: [1000, 10, 42], home: "/home/crab" }],
    ["crab:shell", { uid: 1000, gid: 42, groups: [42], home: "/home/crab" }],
    ["crab:7", { uid: 1000, gid: 7, groups: [7], home: "/home/crab" }],
    ["4242", { uid: 4242, gid: 0, groups: [0], home: "/" }],
    ["4242:4343", { uid: 4242, gid: 4343, groups: [4343], home: "/" }],
    ["nohome", { uid: 7, gid: 8, groups: [8], home: "/" }],
  ])("%s", (text, user) => {
    expect(find(text)).toEqual(user);
  });

  test.each([
    "",
    ":",
    "nobody",
    "crab:",
    "crab:nogroup",
    "-1",
    "4294967295",
    "4294967296",
    "1.5",
    "broken",
    "cra",
  ])("%p is nobody in the image", (text) => expect(codeOf(() => find(text))).toBe("CAN-041"));

  test("whatever the image's files hold, the result is sound numbers or an error", () => {
    const line = fc.array(fc.oneof(fc.string(), fc.constantFrom("crab", "0", "1000", "-1", "99999999999")), {
      maxLength: 8,
    });
    const file = fc.array(line).map((lines) => lines.map((fields) => fields.join(":")).join("\n"));
    fc.assert(
      fc.property(file, file, fc.constantFrom("crab", "0", "1000:0", "crab:crab"), (passwd, group, text) => {
        if (codeOf(() => findUser(text, passwd, group)) !== "none") return;
        const { uid, gid, groups } = findUser(text, passwd, group);
        for (const id of [uid, gid, ...groups]) {
          expect(Number.isInteger(id) && id >= 0 && id < 2 ** 32 - 1).toBeTrue();
        }
      }),
      { numRuns: 300 },
    );
  });
});
