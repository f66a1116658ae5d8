// Running other programs, and telling the user what is going on.

/** One line of progress. It goes to stderr: stdout belongs to the tests. */
export function say(line: string): void {
  console.error(`vm: ${line}`);
}

/** Runs a program to its end and returns what it printed; throws with its last words when it fails. */
export async function run(command: readonly string[], { cwd }: { cwd?: string } = {}): Promise<string> {
  const child = Bun.spawn([...command], {
    ...(cwd === undefined ? {} : { cwd }),
    env: { ...process.env, LC_ALL: "C", DEBIAN_FRONTEND: "noninteractive" },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [printed, complaints, status] = await Promise.all([
    child.stdout.text(),
    child.stderr.text(),
    child.exited,
  ]);
  if (status === 0) return printed;
  // apt's settings would bury what was asked of it.
  const shown = command.filter((word, index) => word !== "-o" && command[index - 1] !== "-o");
  throw new Error(`${shown.join(" ")}\nended with status ${status}:\n${lastLines(complaints, 10)}`);
}

/** Runs a line of shell, for pipelines. Words of the line come in as "$1", "$2" ... */
export function runShell(line: string, ...words: string[]): Promise<string> {
  return run(["bash", "-euo", "pipefail", "-c", line, "bash", ...words]);
}

/** The end of a text, for logs that are too long to show whole. */
export function lastLines(text: string, count: number): string {
  return text.trimEnd().split("\n").slice(-count).join("\n");
}
