import { afterAll, expect } from "bun:test";
import { on, RUNGS } from "../support/ladder.ts";
import { commandProcess, launch, PHASES, RUN } from "../support/launch.ts";
import { keepLedger } from "../support/ledger.ts";
import { test } from "../support/privileged.ts";
import { temporaryRootfs } from "../support/rootfs.ts";

keepLedger();
const image = temporaryRootfs();
afterAll(image.remove);

for (const name of RUNGS) {
  const program = on(name, image.path);

  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1", "SIGWINCH"] as const) {
    test(`${name}: ${signal} reaches a command that handles it, once`, async () => {
      // The shell waits for its child, so a trap runs as soon as the child has ended; hence the short sleeps.
      const script = `trap 'echo got' ${signal.slice(3)}; echo ready; n=0; while [ $n -lt 12 ]; do sleep 0.05; n=$((n+1)); done; exit 5`;
      await using running = launch([...program, "bash", "-c", script]);
      await commandProcess(running, "sleep");
      running.kill(signal);
      const { stdout, status } = await running.finished();
      expect(stdout).toBe("ready\ngot\n");
      expect(status).toBe(5);
    });
  }

  for (const [signal, status] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
    ["SIGHUP", 129],
  ] as const) {
    test(`${name}: ${signal} ends a command that does not handle it, and the status says so`, async () => {
      await using running = launch([...program, "sleep", "60"]);
      await commandProcess(running, "sleep");
      running.kill(signal);
      expect((await running.finished()).status).toBe(status);
    });
  }

  test(`${name}: SIGWINCH does not end a command that does not handle it`, async () => {
    await using running = launch([...program, "sleep", "0.5"]);
    await commandProcess(running, "sleep");
    running.kill("SIGWINCH");
    expect((await running.finished()).status).toBe(0);
  });
}

test("a signal that PID 1 has blocked for a moment is not lost when it unblocks it", async () => {
  const code =
    "use POSIX; my $s = POSIX::SigSet->new(SIGTERM); sigprocmask(SIG_BLOCK, $s); $0 = 'blocking'; sleep 1; sigprocmask(SIG_UNBLOCK, $s); sleep 60";
  await using running = launch([...PHASES.isolation, "perl", "-e", code]);
  await commandProcess(running, "blocking");
  running.kill("SIGTERM");
  expect((await running.finished()).status).toBe(143);
});

test("a signal that PID 1 fetches by itself does not kill it", async () => {
  const code =
    "use POSIX; my $s = POSIX::SigSet->new(SIGTERM); sigprocmask(SIG_BLOCK, $s); $0 = 'blocking'; for (1..40) { my $p = POSIX::SigSet->new; sigpending($p); exit 9 if $p->ismember(SIGTERM); select undef, undef, undef, 0.05 } exit 8";
  await using running = launch([...PHASES.isolation, "perl", "-e", code]);
  await commandProcess(running, "blocking");
  running.kill("SIGTERM");
  expect((await running.finished()).status).toBe(9);
});

test("a signal that comes before there is a command is not lost", async () => {
  for (const delayMs of [10, 30, 60, 90, 120]) {
    await using running = launch([...RUN, image.path, "sleep", "60"]);
    await Bun.sleep(delayMs);
    running.kill("SIGTERM");
    expect((await running.finished()).status).toBe(143);
  }
});
