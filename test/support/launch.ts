/** Starting the programs under test, and looking at what they have started, from the host side. */
import { readdirSync, readFileSync } from "node:fs";
import { constants } from "node:os";
import { readStatus } from "../../src/linux/proc.ts";

export const ROOT = `${import.meta.dir}/../..`;
export const BUN = process.execPath;

/** The rungs of the ladder, bottom up. */
export const PHASES = {
  spawn: ["phases/1-spawn.ts"],
  isolation: ["phases/2-isolation.ts"],
  jail: ["phases/3-jail.ts"],
  fence: ["phases/4-fence.ts"],
} as const;
export const RUN = ["src/cli/main.ts", "run"] as const;

export interface Finished {
  readonly stdout: string;
  readonly stderr: string;
  /** The exit status as a shell shows it. */
  readonly status: number;
}

/** A program under test that is running. */
export interface Running extends AsyncDisposable {
  /** The runtime process. */
  readonly pid: number;
  /** Waits for the end. */
  finished(): Promise<Finished>;
  kill(signal: NodeJS.Signals): void;
}

export interface LaunchOptions {
  readonly stdin?: "ignore" | Blob;
  readonly env?: Record<string, string>;
  readonly cwd?: string;
  /** Words in front of the program; they must exec what follows, so that the PID stays, e.g. `nice`. */
  readonly through?: readonly string[];
}

/** Starts `bun <words>` in the project's folder. Disposal ends it if it still runs. */
export function launch(
  words: readonly string[],
  { stdin = "ignore", env, cwd = ROOT, through = [] }: LaunchOptions = {},
): Running {
  const [script = "", ...rest] = words;
  const program = [BUN, script.startsWith("/") ? script : `${ROOT}/${script}`];
  const child = Bun.spawn([...through, ...program, ...rest], {
    stdin,
    stdout: "pipe",
    stderr: "pipe",
    cwd,
    env: env ?? process.env,
  });
  const output = Promise.all([child.stdout.text(), child.stderr.text()]);
  return {
    pid: child.pid,
    kill: (signal) => child.kill(signal),
    async finished() {
      const [stdout, stderr] = await output;
      await child.exited;
      return { stdout, stderr, status: child.exitCode ?? 128 + signalNumber(child.signalCode) };
    },
    async [Symbol.asyncDispose]() {
      await endGently(child);
    },
  };
}

/** Ends a runtime process so that it cleans up; if it does not, by force, and the ledger will show the rest. */
export async function endGently(child: Bun.Subprocess, timeoutMs = 10_000): Promise<void> {
  const force = setTimeout(() => child.kill("SIGKILL"), timeoutMs);
  if (child.exitCode === null && child.signalCode === null) child.kill("SIGTERM");
  await child.exited;
  clearTimeout(force);
}

/** Starts a program and waits for its end. */
export async function launchAndWait(words: readonly string[], options?: LaunchOptions): Promise<Finished> {
  await using running = launch(words, options);
  return await running.finished();
}

function signalNumber(name: number | string | null): number {
  return constants.signals[name as NodeJS.Signals] ?? 0;
}

/** Asks again and again until there is an answer; throws after the time limit, with what was waited for. */
export async function eventually<T>(what: string, ask: () => T | undefined, timeoutMs = 60_000): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const answer = ask();
    if (answer !== undefined && answer !== false) return answer;
    if (Date.now() > deadline) throw new Error(`waited ${timeoutMs} ms in vain for ${what}`);
    await Bun.sleep(5);
  }
}

/** Every process below `pid`, nearest first, as the host sees them. */
export function descendants(pid: number): number[] {
  const parents = new Map<number, number>();
  for (const entry of readdirSync("/proc")) {
    const candidate = Number(entry);
    if (!Number.isInteger(candidate)) continue;
    try {
      parents.set(candidate, Number(readStatus(candidate).get("PPid")));
    } catch {
      // it has ended meanwhile
    }
  }
  const found = [pid];
  for (const parent of found) for (const [child, of] of parents) if (of === parent) found.push(child);
  return found.slice(1);
}

/**
 * Waits until the container's command runs, that is until the program of a descendant of the runtime process has
 * this name.
 * @param name what /proc/PID/comm shows, e.g. "sleep"
 * @returns its PID on the host
 */
export function commandProcess(running: Running, name: string): Promise<number> {
  return eventually(`a process ${name} below ${running.pid}`, () =>
    descendants(running.pid).find((pid) => {
      try {
        return readFileSync(`/proc/${pid}/comm`, "utf8").trim() === name;
      } catch {
        return false;
      }
    }),
  );
}
