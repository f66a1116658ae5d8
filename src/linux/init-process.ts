/**
 * The two sides of a birth. JavaScript cannot run between clone and exec in a process with threads, so the
 * runtime process starts *its own program* a second time as the init process: same file, other side.
 *
 * Two pipes connect them. Down the first comes the job: the init process does nothing before it has it, and
 * exits when the pipe closes without one, that is when the runtime process has died. Up the second comes what
 * went wrong. execve closes it: from a command that has started, nothing comes any more.
 */
import { CanError, type CanErrorOptions, EXIT } from "../can-error.ts";
import { tolerate } from "../libc/call.ts";
import { O } from "../libc/constants.ts";
import { close, closeOnExecFrom, closing, open, pipe, read, readerIsGone, write } from "../libc/file.ts";
import { dieWithParent, spawnInNewPidNamespace } from "../libc/process.ts";
import { Supervisor } from "./supervise.ts";
import type { WaitStatus } from "./wait-status.ts";

const VARIABLE = "CRAB_CAN_INSIDE";
const CHUNK_BYTES = 65_536;

/** The init process as the runtime process sees it, from before its birth until after its end. */
export class InitProcess implements Disposable {
  readonly #job = pipe();
  readonly #report = pipe();
  readonly #supervisor = new Supervisor();
  readonly #farEnds = [this.#job.readEnd, this.#report.writeEnd];
  #pid: number | undefined;

  get pid(): number {
    if (this.#pid === undefined) throw new Error("the init process has not been spawned");
    return this.#pid;
  }

  /** Where the terminal is that the init process will have, if it will have one. */
  get terminalPath(): string | undefined {
    return this.#supervisor.terminal?.slavePath;
  }

  /**
   * Starts this program again, as PID 1 of a new PID namespace; we stay in ours. It waits for `release`.
   * @throws {SyscallError} open(2), unshare(2), posix_spawn(3)
   */
  spawnInNewPidNamespace(): void {
    const program = {
      path: process.execPath,
      argv: [process.execPath, ...ownScript()],
      // The second copy of us needs no more of the host's environment than this.
      env: [
        `${VARIABLE}=${this.#job.readEnd}:${this.#report.writeEnd}`,
        `TERM=${process.env.TERM ?? "dumb"}`,
      ],
      keep: this.#farEnds,
      terminal: this.#supervisor.terminal,
    };
    closeOnExecFrom(3); // what we have inherited ourselves is nothing for the init process
    using ownPidNamespace = closing(open({ path: "/proc/self/ns/pid", flags: O.O_RDONLY }));
    this.#pid = spawnInNewPidNamespace(program, ownPidNamespace.fd);
  }

  /** Hands the job over: the init process begins. */
  release(job: unknown): void {
    this.#closeFarEnds();
    writeAll(this.#job.writeEnd, `${JSON.stringify(job)}\n`);
  }

  /**
   * Waits for the end, passing signals on.
   * @throws {CanError} what stopped the init process before the command ran, if anything did
   */
  async ended(): Promise<WaitStatus> {
    const status = await this.#supervisor.waitFor(this.pid);
    const failure = readAll(this.#report.readEnd);
    // A report that was cut off by death tells less than the death.
    if (failure !== "" && status.kind === "exited")
      throw new CanError(JSON.parse(failure) as CanErrorOptions);
    return status;
  }

  [Symbol.dispose](): void {
    close(this.#job.writeEnd);
    close(this.#report.readEnd);
    this.#closeFarEnds();
    this.#supervisor[Symbol.dispose]();
  }

  /** The ends that are the init process's: as long as we hold them too, neither side sees the other go. */
  #closeFarEnds(): void {
    for (const fd of this.#farEnds.splice(0)) close(fd);
  }
}

/** Whether this program was started as the init process. */
export function isInitSide(): boolean {
  return process.env[VARIABLE] !== undefined;
}

/**
 * In the init process: waits for the job and ties our life to the runtime process's.
 * @returns the job, as `release` was given it, and how to report what stopped us
 */
export function receiveJob<Job>(): { job: Job; fail: (error: CanError) => never } {
  const [jobEnd = -1, reportEnd = -1] = (process.env[VARIABLE] ?? "").split(":").map(Number);
  delete process.env[VARIABLE];
  dieWithParent("SIGKILL");
  // The parent may have died before that call: then the job never comes, or its end of the report is closed.
  const text = readAll(jobEnd, "\n");
  if (!text.endsWith("\n") || readerIsGone(reportEnd)) process.exit(EXIT.failed);
  close(jobEnd);
  const fail = (error: CanError): never => {
    writeAll(reportEnd, JSON.stringify(error.options, shortened));
    process.exit(error.exitStatus);
  };
  return { job: JSON.parse(text) as Job, fail };
}

/**
 * How this program is started: a script for the interpreter, or nothing when it is one executable. What lies in the
 * present directory (bunfig.toml, .env) has no say in it.
 */
function ownScript(): string[] {
  return Bun.main.startsWith("/$bunfs/") ? [] : ["--config=/dev/null", "--no-env-file", Bun.main];
}

/** Nobody reads the pipe before our end, so a report has to fit into it. */
function shortened(_key: string, value: unknown): unknown {
  const charactersMax = 2000;
  return typeof value === "string" && value.length > charactersMax
    ? `${value.slice(0, charactersMax)}…`
    : value;
}

function readAll(fd: number, until?: string): string {
  const chunks: Buffer[] = [];
  for (;;) {
    const chunk = read({ fd, bytesMax: CHUNK_BYTES });
    chunks.push(chunk);
    if (chunk.length === 0 || (until !== undefined && chunk.toString("latin1").endsWith(until))) break;
  }
  return Buffer.concat(chunks).toString();
}

function writeAll(fd: number, text: string): void {
  let rest: Buffer = Buffer.from(text);
  // EPIPE: the other side is gone, and its own end will say why.
  tolerate(["EPIPE"], () => {
    while (rest.length > 0) rest = rest.subarray(write({ fd, data: rest }));
  });
}
