import { afterAll, expect } from "bun:test";
import { readFileSync, statSync } from "node:fs";
import { namespaceOf } from "../../src/linux/proc.ts";
import { on, type Rung, rungsFrom } from "../support/ladder.ts";
import { commandProcess, type Finished, launch, launchAndWait, PHASES } from "../support/launch.ts";
import { keepLedger } from "../support/ledger.ts";
import { mutant } from "../support/mutant.ts";
import { test } from "../support/privileged.ts";
import { READY, sayOverAbstractSocket, sayOverTcp, talkToItself } from "../support/programs.ts";
import { temporaryRootfs } from "../support/rootfs.ts";

keepLedger();
const image = temporaryRootfs();
afterAll(image.remove);

const HOST_NETWORK = ["--network", "host"];
const PORT = 7070;

/** The network interfaces a process has. The first two lines of the file are a heading. */
function interfaces(pid: number | "self"): string[] {
  const lines = readFileSync(`/proc/${pid}/net/dev`, "utf8").trimEnd().split("\n").slice(2);
  return lines.map((line) => line.split(":")[0]?.trim() ?? "");
}

/** Whether 127.0.0.1 is an address of the process's network, which it is once lo is up. */
function hasLoopbackAddress(pid: number): boolean {
  return /127\.0\.0\.1\n\s+\/32 host LOCAL/.test(readFileSync(`/proc/${pid}/net/fib_trie`, "utf8"));
}

/** How many established connections of a port on 127.0.0.1 there are in a process's network, both ends counted. */
function connections(pid: number | "self", port: number): number {
  const established = "01";
  const hex = port.toString(16).toUpperCase().padStart(4, "0");
  const rows = readFileSync(`/proc/${pid}/net/tcp`, "utf8").split("\n").slice(1);
  return rows.filter((row) => {
    const [, local, remote, state] = row.trim().split(/\s+/);
    return state === established && [local, remote].some((end) => end?.endsWith(`:${hex}`));
  }).length;
}

/** What a container's command manages to say to somebody who listens on the host's 127.0.0.1. */
async function heardOverTcp(program: readonly string[]): Promise<string> {
  return await heard({ hostname: "127.0.0.1", port: 0 }, (listener) =>
    launchAndWait([...program, ...sayOverTcp(listener.port ?? 0, "hello")]),
  );
}

/** What a container's command manages to say to somebody who listens on an abstract Unix socket of the host. */
async function heardOverAbstractSocket(program: readonly string[]): Promise<string> {
  const name = `walls-${crypto.randomUUID()}`;
  return await heard({ unix: `\0${name}` }, () =>
    launchAndWait([...program, ...sayOverAbstractSocket(name, "hello")]),
  );
}

async function heard(
  place: { hostname: string; port: number } | { unix: string },
  act: (listener: { readonly port?: number }) => Promise<Finished>,
): Promise<string> {
  let text = "";
  const closed = Promise.withResolvers<void>();
  const socket = {
    data: (_socket: unknown, bytes: Buffer) => {
      text += bytes.toString();
    },
    close: () => closed.resolve(),
  };
  using listener =
    "unix" in place
      ? Bun.listen<undefined>({ ...place, socket })
      : Bun.listen<undefined>({ ...place, socket });
  const { status } = await act("port" in listener ? listener : {});
  // Who has ended well has said it, so it is on its way.
  await (status === 0 ? closed.promise : Bun.sleep(50));
  return text;
}

for (const rung of rungsFrom("phase 2")) {
  test(`${rung}: the network is the container's own, and lo is all there is`, async () => {
    await using running = launch([...on(rung, image.path), "sleep", "60"]);
    const pid = await commandProcess(running, "sleep");
    expect(namespaceOf(pid, "net")).not.toBe(namespaceOf("self", "net"));
    expect(interfaces(pid)).toEqual(["lo"]);
    expect(namespaceOf(running.pid, "net")).toBe(namespaceOf("self", "net"));
  });

  test(`${rung}: lo is up, so the container can talk to itself, unheard by the host`, async () => {
    await using running = launch([...on(rung, image.path), ...talkToItself(PORT)]);
    const pid = await commandProcess(running, READY);
    expect(hasLoopbackAddress(pid)).toBe(true);
    expect(connections(pid, PORT)).toBe(2);
    expect(connections("self", PORT)).toBe(0);
  });

  test(`${rung}: a port of the host's 127.0.0.1 cannot be reached`, async () => {
    expect(await heardOverTcp(on(rung, image.path))).toBe("");
  });

  test(`${rung}: an abstract Unix socket of the host cannot be reached`, async () => {
    expect(await heardOverAbstractSocket(on(rung, image.path))).toBe("");
  });
}

const OPEN: readonly (readonly [string, Rung, readonly string[]])[] = [
  ["on phase 1", "phase 1", []],
  ["crab-can run --network host:", "crab-can run", HOST_NETWORK],
];
for (const [name, rung, options] of OPEN) {
  test(`${name} the network is the host's`, async () => {
    await using running = launch([...on(rung, image.path, ...options), "sleep", "60"]);
    const pid = await commandProcess(running, "sleep");
    expect(namespaceOf(pid, "net")).toBe(namespaceOf("self", "net"));
    expect(interfaces(pid)).toEqual(interfaces("self"));
  });

  test(`${name} what listens on the host is reached`, async () => {
    expect(await heardOverTcp(on(rung, image.path, ...options))).toBe("hello");
    expect(await heardOverAbstractSocket(on(rung, image.path, ...options))).toBe("hello");
  });
}

test("without bringLoopbackUp the container cannot talk even to itself", async () => {
  using phase = mutant({ file: "phases/2-isolation.ts", text: "bringLoopbackUp();", by: "" });
  await using running = launch([...phase.program(PHASES.isolation), "sleep", "60"]);
  const pid = await commandProcess(running, "sleep");
  expect(hasLoopbackAddress(pid)).toBe(false);
  const talk = await launchAndWait([...phase.program(PHASES.isolation), ...talkToItself(PORT)]);
  expect(talk.status).not.toBe(0);
});

test("crab-can run: /sys shows the container's network, not the host's", async () => {
  const isHostSys = async (...options: string[]) => {
    await using running = launch([...on("crab-can run", image.path, ...options), "sleep", "60"]);
    const pid = await commandProcess(running, "sleep");
    return statSync(`/proc/${pid}/root/sys`).dev === statSync("/sys").dev;
  };
  expect(await isHostSys()).toBe(false);
  expect(await isHostSys(...HOST_NETWORK)).toBe(true);
});

test("crab-can run --network none is the default, and says no more than that", async () => {
  await using running = launch([...on("crab-can run", image.path, "--network", "none"), "sleep", "60"]);
  expect(interfaces(await commandProcess(running, "sleep"))).toEqual(["lo"]);
});
