/** A program under test with a terminal: what a person types, and what the screen has shown. */
import { BUN, endGently, eventually, ROOT } from "./launch.ts";

export interface Session extends AsyncDisposable {
  readonly pid: number;
  type(text: string): void;
  resize(columns: number, rows: number): void;
  /** Waits until the screen shows this after what was waited for before. */
  see(text: string): Promise<void>;
  /** Everything the screen has shown. */
  screen(): string;
  /** Waits for the end; the exit status. */
  ended(): Promise<number>;
}

/** Starts `bun <words>` in a terminal of 80 columns and 24 rows, as the leader of its session. */
export function openSession(words: readonly string[]): Session {
  return openTerminal([BUN, ...words]);
}

/** Starts any program in a terminal. */
export function openTerminal(command: readonly string[]): Session {
  let shown = "";
  let seenUpTo = 0;
  const child = Bun.spawn([...command], {
    cwd: ROOT,
    env: { PATH: process.env.PATH ?? "", TERM: "dumb" },
    terminal: {
      cols: 80,
      rows: 24,
      data: (_terminal, bytes) => {
        shown += Buffer.from(bytes).toString();
      },
    },
  });
  return {
    pid: child.pid,
    type: (text) => void child.terminal?.write(text),
    resize: (columns, rows) => child.terminal?.resize(columns, rows),
    async see(text) {
      const at = await eventually(`${JSON.stringify(text)} on the screen`, () => {
        const index = shown.indexOf(text, seenUpTo);
        return index < 0 ? undefined : { index };
      }).catch((error: Error) => {
        throw new Error(`${error.message}; it shows:\n${shown.slice(seenUpTo)}`);
      });
      seenUpTo = at.index + text.length;
    },
    screen: () => shown,
    async ended() {
      await child.exited;
      return child.exitCode ?? -1;
    },
    async [Symbol.asyncDispose]() {
      await endGently(child);
      child.terminal?.close();
    },
  };
}
