import { afterAll, expect } from "bun:test";
import { readlinkSync, statSync } from "node:fs";
import { shellQuote } from "../../src/diagnostics/root.ts";
import { on, RUNGS } from "../support/ladder.ts";
import { descendants, eventually, RUN } from "../support/launch.ts";
import { keepLedger } from "../support/ledger.ts";
import { test } from "../support/privileged.ts";
import { openSession, openTerminal, type Session } from "../support/pty.ts";
import { temporaryRootfs } from "../support/rootfs.ts";

keepLedger();
const image = temporaryRootfs();
afterAll(image.remove);

const SHELL = ["bash", "--norc", "--noprofile", "-i"];
const CTRL_C = "\x03";
const CTRL_Z = "\x1a";
const CTRL_BACKSLASH = "\x1c";
/** Counts interrupts for a while, then reads one key as it is. */
const TWO_TRAPS = `n=0; trap 'n=$((n+1)); [ $n = 1 ] && echo one || echo two' INT
echo ready; for i in 1 2 3 4 5 6 7 8 9 10; do sleep 0.1; done
trap - INT; stty raw -echo; echo raw; perl -e 'sysread STDIN, $key, 1; printf "key %d\n", ord $key'; exit 4`;

/** Types a command whose output cannot be mistaken for its echo. */
async function ask(session: Session, command: string, answer: string): Promise<void> {
  session.type(`${command}\n`);
  await session.see(`\n${answer}`);
}

for (const name of RUNGS) {
  const program = on(name, image.path);

  test(`${name}: an interactive shell has job control`, async () => {
    await using session = openSession([...program, ...SHELL]);
    await ask(session, "echo $((6*7))", "42");
    session.type("sleep 50\n");
    await Bun.sleep(300);
    session.type(CTRL_Z);
    await session.see("Stopped");
    await ask(session, "jobs | grep -c sleep", "1");
    session.type("fg\n");
    await session.see("sleep 50");
    await Bun.sleep(300);
    session.type(CTRL_C);
    await ask(session, "echo status=$?", "status=130");
    expect(session.screen()).not.toContain("no job control");
    session.type("exit 7\n");
    expect(await session.ended()).toBe(7);
  });

  test(`${name}: Ctrl-C ends a command that does not handle it`, async () => {
    await using session = openSession([...program, "sleep", "60"]);
    await eventually("sleep", () => (descendants(session.pid).some(isSleep) ? true : undefined));
    session.type(CTRL_C);
    expect(await session.ended()).toBe(130);
  });

  test(`${name}: one Ctrl-C is one SIGINT, and a program in raw mode gets the key instead`, async () => {
    await using session = openSession([...program, "bash", "-c", TWO_TRAPS]);
    await session.see("ready");
    session.type(CTRL_C);
    await session.see("one");
    await session.see("raw");
    session.type(CTRL_C);
    await session.see("key 3");
    expect(await session.ended()).toBe(4);
    expect(session.screen()).not.toContain("two");
  });

  test(`${name}: Ctrl-\\ ends a command that does not handle it`, async () => {
    await using session = openSession([...program, "sleep", "60"]);
    await eventually("sleep", () => (descendants(session.pid).some(isSleep) ? true : undefined));
    session.type(CTRL_BACKSLASH);
    expect(await session.ended()).toBe(131);
  });

  test(`${name}: the terminal's size is the container's, also after a change`, async () => {
    await using session = openSession([...program, ...SHELL]);
    await ask(session, "stty size", "24 80");
    session.resize(100, 30);
    await eventually("the new size", () => {
      session.type("stty size\n");
      return session.screen().includes("\n30 100") ? true : undefined;
    });
    session.type("exit\n");
    await session.ended();
  });

  test(`${name}: afterwards the shell that started it has its terminal back, as it was`, async () => {
    await using session = openTerminal(["bash", "--norc", "--noprofile", "-i"]);
    await ask(session, "stty -a | grep -c ' echo '", "1");
    const line = [process.execPath, ...program, ...SHELL].map(shellQuote).join(" ");
    session.type(`${line}\n`);
    await ask(session, "echo inside=$((6*7))", "inside=42");
    session.type("stty -echo; exit 3\n");
    await Bun.sleep(500);
    await ask(session, "echo outside=$((6*7))", "outside=42");
    await ask(session, "stty -a | grep -c ' echo '", "1");
    session.type("exit\n");
    expect(await session.ended()).toBe(0);
  });
}

for (const name of RUNGS) {
  const program = on(name, image.path);

  test(`${name}: the command has a terminal of its own, and the one it was started in is not in reach`, async () => {
    await using session = openSession([...program, "sleep", "60"]);
    const pid = await eventually("sleep", () => descendants(session.pid).find(isSleep));
    for (const fd of [0, 1, 2])
      expect(sameDevice(`/proc/${pid}/fd/${fd}`, `/proc/${session.pid}/fd/0`)).toBe(false);
  });
}

test("in a pipeline the terminal stays with the others, and Ctrl-C still ends the command", async () => {
  await using session = openTerminal(["bash", "--norc", "--noprofile", "-i"]);
  const line = [process.execPath, ...RUN, image.path, "sh", "-c", "echo ready; exec sleep 60"]
    .map(shellQuote)
    .join(" ");
  session.type(`${line} | cat\n`);
  await session.see("\nready");
  session.type(CTRL_C);
  await ask(session, "echo over=$((6*7))", "over=42");
  session.type("exit\n");
  await session.ended();
});

function isSleep(pid: number): boolean {
  try {
    return readlinkSync(`/proc/${pid}/exe`).endsWith("/sleep");
  } catch {
    return false;
  }
}

function sameDevice(one: string, other: string): boolean {
  const { dev, ino } = statSync(one);
  const { dev: otherDev, ino: otherIno } = statSync(other);
  return dev === otherDev && ino === otherIno;
}
