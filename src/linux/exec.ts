/** The last step of a birth: shed what must not be inherited, and become the command. */
import { CanError, EXIT } from "../can-error.ts";
import { SyscallError } from "../libc/call.ts";
import { closeOnExecFrom, umask } from "../libc/file.ts";
import {
  execve,
  openFilesLimit,
  resetSignals,
  type SpawnTerminal,
  setOpenFilesLimit,
  spawn,
} from "../libc/process.ts";
import { containerEnvironment, type Environment, PATH } from "./environment.ts";

/** What programs get on an ordinary login; Bun had raised its own soft limit to the hard one. */
const OPEN_FILES = { soft: 1024, hard: 524_288 };

/**
 * Drops what a process would otherwise hand on through execve(2): ignored signals and the signal mask, open
 * descriptors above 2, the umask, Bun's raised limit of open files.
 * @throws {SyscallError}
 */
export function dropInheritance(): void {
  resetSignals();
  dropDescriptorsAndLimits();
}

function dropDescriptorsAndLimits(): void {
  umask(0o022);
  closeOnExecFrom(3);
  const hard = Math.min(OPEN_FILES.hard, openFilesLimit().hard);
  setOpenFilesLimit({ soft: Math.min(OPEN_FILES.soft, hard), hard });
}

/**
 * Becomes the command: searches PATH as a shell does and executes the first file that works.
 * @throws {CanError} CAN-020 (exit status 127) when it is nowhere, CAN-021 (126) when it cannot be executed
 */
export function execvp(command: readonly string[], environment: Environment = containerEnvironment()): never {
  const env = environmentList(environment);
  return firstThatWorks(command, environment, (path) => execve({ path, argv: command, env }));
}

/**
 * Starts the command as a new process, with the same PATH search and nothing of ours inherited.
 * @param terminal what its standard streams shall be, instead of ours
 * @returns its PID
 * @throws {CanError} CAN-020, CAN-021
 */
export function spawnp(
  command: readonly string[],
  {
    terminal,
    environment = containerEnvironment(),
  }: { terminal?: SpawnTerminal | undefined; environment?: Environment } = {},
): number {
  dropDescriptorsAndLimits();
  const env = environmentList(environment);
  return firstThatWorks(command, environment, (path) => spawn({ path, argv: command, env, terminal }));
}

/**
 * Where a command may be: itself when it has a slash, otherwise the name in each directory of PATH. An empty
 * part of PATH means the current directory, by an old rule that POSIX keeps.
 */
export function candidates(name: string, path: string): string[] {
  if (name.includes("/")) return [name];
  return path.split(":").map((directory) => `${directory === "" ? "." : directory}/${name}`);
}

/** execvp(3)'s rule: go on after "not here" and "not allowed", and remember the second. */
function firstThatWorks<T>(
  command: readonly string[],
  environment: Environment,
  attempt: (path: string) => T,
): T {
  const name = command[0] ?? "";
  const path = environment.PATH ?? PATH;
  let refused: SyscallError | undefined;
  for (const candidate of name === "" ? [] : candidates(name, path)) {
    try {
      return attempt(candidate);
    } catch (error) {
      if (!(error instanceof SyscallError)) throw error;
      if (error.code === "EACCES") refused ??= error;
      else if (error.code !== "ENOENT" && error.code !== "ENOTDIR") throw cannotExecute(name, error);
    }
  }
  if (refused !== undefined) throw cannotExecute(name, refused);
  throw notFound(name, path);
}

function notFound(name: string, path: string): CanError {
  const slash = name.includes("/");
  return new CanError({
    code: "CAN-020",
    headline: `command not found: ${JSON.stringify(name)}`,
    notes: slash ? [`no such file, or the interpreter it names is missing`] : [`PATH is ${path}`],
    help: ["look at what there is: run `ls /bin /usr/bin` in place of the command"],
    more: ["execve(2)"],
    exitStatus: EXIT.notFound,
  });
}

function cannotExecute(name: string, error: SyscallError): CanError {
  const reasons: Record<string, string> = {
    EACCES: "it is a directory, or no execute permission is set, or its mount is noexec",
    ENOEXEC:
      "the kernel does not know its format: a script without a #! line, or a program for another machine",
    E2BIG: "arguments and environment together are more than the kernel passes on",
  };
  const reason = reasons[error.code];
  return new CanError({
    code: "CAN-021",
    headline: `cannot execute ${JSON.stringify(name)}`,
    call: error.message,
    notes: reason === undefined ? [] : [reason],
    more: ["execve(2)"],
    exitStatus: EXIT.cannotExecute,
  });
}

function environmentList(environment: Environment): string[] {
  return Object.entries(environment).map(([key, value]) => `${key}=${value}`);
}
