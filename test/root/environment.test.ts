import { afterAll, expect } from "bun:test";
import { chmodSync, copyFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { openDescriptors, readStatus } from "../../src/linux/proc.ts";
import { sessionOf } from "../support/host-view.ts";
import { on, RUNGS, type Rung, rungsFrom } from "../support/ladder.ts";
import { commandProcess, type LaunchOptions, launch, PHASES } from "../support/launch.ts";
import { keepLedger } from "../support/ledger.ts";
import { type Mutation, mutant } from "../support/mutant.ts";
import { test } from "../support/privileged.ts";
import { forkMany, READY } from "../support/programs.ts";
import { temporaryRootfs } from "../support/rootfs.ts";

keepLedger();
const image = temporaryRootfs();
afterAll(image.remove);

const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const SECRET = { HOST_SECRET: "must stay outside" };
const HOST_ENVIRONMENT = { ...(process.env as Record<string, string>), ...SECRET, TERM: "vt220" };
/** docker's default set, as `docker run` shows it in CapEff. */
const DOCKER_CAPABILITIES = "00000000a80425fb";
const NO_CAPABILITIES = "0000000000000000";
const CAP_NET_ADMIN = 1n << 12n;
const CAP_CHOWN = "0000000000000001";

/** Runs a command, `sleep` if nothing else is said, in a container, and looks at it from the host. */
async function look<T>(
  program: readonly string[],
  view: (pid: number, runtimePid: number) => T,
  options: LaunchOptions & { readonly command?: readonly string[]; readonly name?: string } = {},
): Promise<T> {
  const { command = ["sleep", "60"], name = command[0] ?? "" } = options;
  await using running = launch([...program, ...command], options);
  return view(await commandProcess(running, name), running.pid);
}

/** A command that has loaded its libraries when it has this name: before, it opens and closes them. */
const LOADED = { command: forkMany(0), name: READY };

/** The environment a process was started with. During execve(2) it has its new name before its environment. */
function environmentOf(pid: number): Record<string, string> {
  const read = () => readFileSync(`/proc/${pid}/environ`, "utf8");
  for (let look = 0; look < 1000 && read() === ""; look++) Bun.sleepSync(1);
  const entries = read().split("\0").filter(Boolean);
  return Object.fromEntries(
    entries.map((entry) => [entry.split("=")[0] ?? "", entry.replace(/^[^=]*=/, "")]),
  );
}

/** Fields of a process's status file. */
function statusOf(...names: readonly string[]) {
  return (pid: number) => {
    const status = readStatus(pid);
    return Object.fromEntries(names.map((name) => [name, status.get(name)?.replaceAll(/\s+/g, " ")]));
  };
}

const inheritedSignals = statusOf("SigIgn", "SigBlk", "SigCgt");
const ORDINARY_SIGNALS = { SigIgn: NO_CAPABILITIES, SigBlk: NO_CAPABILITIES, SigCgt: NO_CAPABILITIES };
const openFilesLimit = (pid: number) =>
  Number(/^Max open files\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/limits`, "utf8"))?.[1]);
const capabilities = statusOf("CapEff", "CapPrm", "CapBnd", "CapInh", "CapAmb");

/** A host that starts the runtime in odd ways. */
const ODD = {
  signals: { through: ["env", "--ignore-signal=INT,HUP,USR1", "--block-signal=TERM,USR2"] },
  umask: { through: ["sh", "-c", 'umask 077; exec "$@"', "sh"] },
  descriptors: { through: ["bash", "-c", 'exec 3</etc 7</ 11</etc/passwd; exec "$@"', "bash"] },
  files: { through: ["sh", "-c", 'ulimit -Sn 2048; exec "$@"', "sh"] },
} satisfies Record<string, LaunchOptions>;

for (const rung of RUNGS) {
  const program = on(rung, image.path);

  test(`${rung}: the environment is chosen, and nothing of the host's is in it but TERM`, async () => {
    const environment = await look(program, environmentOf, { env: HOST_ENVIRONMENT });
    const { HOSTNAME, ...rest } = environment;
    expect(rest).toEqual({ PATH, HOME: "/root", TERM: "vt220" });
    if (rung !== "crab-can run") expect(HOSTNAME).toBeUndefined();
    else expect(HOSTNAME).toMatch(/^[0-9a-f]{12}$/);
  });

  test(`${rung}: no signal is ignored or blocked, whatever the runtime was started with`, async () => {
    expect(await look(program, inheritedSignals)).toEqual(ORDINARY_SIGNALS);
    expect(await look(program, inheritedSignals, ODD.signals)).toEqual(ORDINARY_SIGNALS);
  });

  test(`${rung}: standard input, output and error are the only open files`, async () => {
    const sorted = (pid: number) => openDescriptors(pid).sort();
    expect(await look(program, sorted, LOADED)).toEqual([0, 1, 2]);
    expect(await look(program, sorted, { ...LOADED, ...ODD.descriptors })).toEqual([0, 1, 2]);
  });

  test(`${rung}: the limit of open files is the usual one, not the raised one of Bun`, async () => {
    expect(await look(program, openFilesLimit)).toBe(1024);
    expect(await look(program, openFilesLimit, ODD.files)).toBe(1024);
  });

  test(`${rung}: the umask is the usual one`, async () => {
    expect(await look(program, statusOf("Umask"), ODD.umask)).toEqual({ Umask: "0022" });
  });

  test(`${rung}: without a terminal the command leads a session of its own`, async () => {
    const sessions = (pid: number, runtimePid: number) => [
      sessionOf(pid) === pid,
      sessionOf(runtimePid) === pid,
    ];
    expect(await look(program, sessions)).toEqual([true, false]);
  });
}

/** What a mutant of phase 2 in which nothing is dropped hands on. */
const NOTHING_DROPPED: readonly Mutation[] = [
  { file: PHASES.isolation[0], text: "dropInheritance();", by: "" },
  { file: "src/linux/init-process.ts", text: "closeOnExecFrom(3);", by: "" },
];

test("without dropInheritance signals, limits and umask of the runtime process are handed on", async () => {
  using phase = mutant(...NOTHING_DROPPED);
  const program = phase.program(PHASES.isolation);
  expect(await look(program, inheritedSignals)).not.toEqual(ORDINARY_SIGNALS);
  expect(await look(program, openFilesLimit)).not.toBe(1024);
  expect(await look(program, statusOf("Umask"), ODD.umask)).toEqual({ Umask: "0077" });
  const inherited = (pid: number) => openDescriptors(pid).includes(3);
  expect(await look(program, inherited, { ...LOADED, ...ODD.descriptors })).toBe(true);
});

test("with the runtime's own environment the host's secret is handed on", async () => {
  using phase = mutant({
    file: "src/linux/environment.ts",
    text: "return { PATH,",
    by: "return { ...(process.env as Environment), PATH,",
  });
  const program = phase.program(PHASES.spawn);
  expect(await look(program, environmentOf, { env: HOST_ENVIRONMENT })).toMatchObject(SECRET);
});

test("crab-can run --env sets a variable, or passes the host's value on, and these win", async () => {
  const options = [
    "--env",
    "A=1=2",
    "--env",
    "HOST_SECRET",
    "--env",
    "MISSING_ON_HOST",
    "-e",
    "HOME=/h",
    "-e",
    "E=",
  ];
  const environment = await look(on("crab-can run", image.path, ...options), environmentOf, {
    env: HOST_ENVIRONMENT,
  });
  expect(environment).toMatchObject({ A: "1=2", ...SECRET, HOME: "/h", E: "", PATH });
  expect(environment).not.toHaveProperty("MISSING_ON_HOST");
});

for (const [what, options, expected] of [
  ["docker's default set", [], DOCKER_CAPABILITIES],
  ["none after --cap-drop ALL", ["--cap-drop", "ALL"], NO_CAPABILITIES],
  ["one after --cap-drop ALL --cap-add CHOWN", ["--cap-drop", "ALL", "--cap-add", "CHOWN"], CAP_CHOWN],
  ["one more after --cap-add", ["--cap-add", "net_admin"], withBits(CAP_NET_ADMIN, 0n)],
  ["one less after --cap-drop", ["--cap-drop", "CAP_CHOWN"], withBits(0n, 1n)],
  ["all that the runtime has after --cap-add ALL", ["--cap-add", "ALL"], readStatus("self").get("CapEff")],
] as const) {
  test(`crab-can run: the capabilities are ${what}, and no execve gives another`, async () => {
    const set = expected ?? "";
    expect(await look(on("crab-can run", image.path, ...options), capabilities)).toEqual({
      ...{ CapEff: set, CapPrm: set, CapBnd: set },
      ...{ CapInh: NO_CAPABILITIES, CapAmb: NO_CAPABILITIES },
    });
  });
}

test("on phase 4 the command has all capabilities of the runtime", async () => {
  const own = readStatus("self").get("CapEff") ?? "";
  expect(await look(on("phase 4", image.path), capabilities)).toMatchObject({ CapEff: own, CapBnd: own });
});

const identity = statusOf("Uid", "Gid", "Groups", "CapEff", "CapPrm", "CapAmb");
const POWERLESS = { CapEff: NO_CAPABILITIES, CapPrm: NO_CAPABILITIES, CapAmb: NO_CAPABILITIES };

for (const [user, uid, gid] of [
  ["nobody", 65534, 65534],
  ["1234", 1234, 0],
  ["1234:5678", 1234, 5678],
  ["nobody:tty", 65534, 5],
] as const) {
  test(`crab-can run --user ${user}: all four user and group IDs change, and no power is kept`, async () => {
    const four = (id: number) => Array.from({ length: 4 }, () => id).join(" ");
    const found = await look(on("crab-can run", image.path, "--user", user), identity);
    expect(found).toEqual({ Uid: four(uid), Gid: four(gid), Groups: String(gid), ...POWERLESS });
  });
}

test("crab-can run: a set-user-ID program does not make its user root", async () => {
  const program = join(image.path, "bin/sleep-as-root");
  copyFileSync(join(image.path, "bin/sleep"), program);
  chmodSync(program, 0o4755);
  const effective = (pid: number) => readStatus(pid).get("Uid")?.split(/\s+/)[1];
  const options = ["--user", "1234"];
  const command = ["sleep-as-root", "60"];
  const found = (words: readonly string[]) => look(words, effective, { command });
  expect(await found(on("crab-can run", image.path, ...options))).toBe("1234");
  // The filter goes too: without no_new_privs the kernel takes none from a user other than root.
  using run = mutant(
    { file: "src/container/inside.ts", text: "setNoNewPrivileges();", by: "" },
    { file: "src/container/inside.ts", text: "setSeccompFilter(seccompFilter(capabilities));", by: "" },
  );
  expect(await found([...run.program(on("crab-can run", image.path, ...options))])).toBe("0");
});

test("crab-can run: no_new_privs is set, up to phase 4 it is not", async () => {
  const noNewPrivileges = async (rung: Rung) =>
    (await look(on(rung, image.path), statusOf("NoNewPrivs"))).NoNewPrivs;
  expect(await noNewPrivileges("crab-can run")).toBe("1");
  for (const rung of rungsFrom("phase 1").slice(0, -1)) expect(await noNewPrivileges(rung)).toBe("0");
});

/** docker's set with some bits more and some less, as a status file has it. */
function withBits(more: bigint, less: bigint): string {
  return ((BigInt(`0x${DOCKER_CAPABILITIES}`) | more) & ~less).toString(16).padStart(16, "0");
}
