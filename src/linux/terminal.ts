/**
 * A terminal for the command. Not the one we were started in: whoever holds that can type into it on the host's
 * behalf (TIOCSTI), and PID 1 would not even hear its Ctrl-C. A pseudo-terminal takes its place, and the runtime
 * process carries bytes between the two. pty(7)
 */
import { read as readAsync, write as writeAsync, writeSync } from "node:fs";
import { SyscallError } from "../libc/call.ts";
import { IOCTL, O, type SignalName } from "../libc/constants.ts";
import { foregroundGroup, ioctl, isTerminal, ownGroup } from "../libc/device.ts";
import { close, open } from "../libc/file.ts";

const WINSIZE_BYTES = 8;
const CHUNK_BYTES = 65_536;
const QUIET_MS = 500;
const TERMIOS_BYTES = 36; // struct termios: four words of flags, a byte, nineteen control characters

/**
 * Makes a terminal for the command, if we are started in one of our own: input and output are a terminal in
 * whose foreground we run. In a pipeline we are not alone there (`… | less`), so it is left to the others.
 */
export function openTerminal(): Terminal | undefined {
  if (!isTerminal(0) || !isTerminal(1)) return undefined;
  try {
    return foregroundGroup(0) === ownGroup() ? new Terminal() : undefined;
  } catch (error) {
    if (error instanceof SyscallError && error.code === "ENOTTY") return undefined; // not our controlling one
    throw error;
  }
}

/** The pseudo-terminal, and the carrying of bytes from and to ours. */
export class Terminal {
  /** What the command opens: a file of the host's /dev/pts. */
  readonly slavePath: string;
  readonly #master: number;
  #lastOutputAt = 0;
  /** Standard streams that are to be the terminal. Errors may be redirected to a file; then that stays. */
  readonly streams = [0, 1, 2].filter((fd) => isTerminal(fd));

  constructor() {
    this.#master = open({ path: "/dev/ptmx", flags: O.O_RDWR | O.O_NOCTTY });
    const number = Buffer.alloc(4);
    ioctl({ fd: this.#master, request: IOCTL.TIOCSPTLCK, data: Buffer.alloc(4) });
    ioctl({ fd: this.#master, request: IOCTL.TIOCGPTN, data: number });
    this.slavePath = `/dev/pts/${number.readInt32LE(0)}`;
    this.#copyWindowSize();
  }

  /**
   * Carries bytes until disposal, which waits for the last output and gives our terminal back as it was.
   * @param pid the process whose session has the terminal
   * @param onKey called when a key has sent a signal that this process alone hears
   */
  carry(pid: number, onKey: (signal: SignalName) => void): AsyncDisposable {
    const onResize = () => this.#copyWindowSize();
    const onInput = (bytes: Uint8Array) => {
      const signals = this.#signalsOf(bytes);
      this.#carryInput(bytes);
      if (foregroundGroup(this.#master) === pid) signals.forEach(onKey);
    };
    process.on("SIGWINCH", onResize);
    process.stdin.setRawMode(true);
    process.stdin.on("data", onInput);
    const drained = this.#carryOutput();
    return {
      [Symbol.asyncDispose]: async () => {
        // Somebody else may have been given the slave: then the end is when nothing more comes.
        const quiet = async () => {
          do await Bun.sleep(QUIET_MS);
          while (Bun.nanoseconds() - this.#lastOutputAt < QUIET_MS * 1e6);
        };
        await Promise.race([drained, quiet()]);
        process.off("SIGWINCH", onResize);
        process.stdin.off("data", onInput);
        process.stdin.setRawMode(false);
        process.stdin.pause();
        close(this.#master);
      },
    };
  }

  /** Writes to the master without waiting: while the command does not read, no more keys are taken. */
  #carryInput(bytes: Uint8Array): void {
    process.stdin.pause();
    const next = (rest: Uint8Array) =>
      writeAsync(this.#master, rest, (error, count) => {
        if (error === null && count < rest.length) next(rest.subarray(count));
        else process.stdin.resume();
      });
    next(bytes);
  }

  /** Reads the master until the last holder of the slave is gone, which shows as EIO. */
  #carryOutput(): Promise<void> {
    const buffer = Buffer.alloc(CHUNK_BYTES);
    return new Promise((resolve) => {
      const next = () =>
        readAsync(this.#master, buffer, 0, CHUNK_BYTES, null, (error, count) => {
          if (error !== null || count === 0) return resolve();
          this.#lastOutputAt = Bun.nanoseconds();
          writeAll(1, buffer.subarray(0, count));
          next();
        });
      next();
    });
  }

  /** Which signals the terminal makes of these keys, as it is set now: none when a program has made it raw. */
  #signalsOf(bytes: Uint8Array): SignalName[] {
    const ISIG = 1;
    const termios = Buffer.alloc(TERMIOS_BYTES);
    ioctl({ fd: this.#master, request: IOCTL.TCGETS, data: termios });
    if ((termios.readUInt32LE(12) & ISIG) === 0) return [];
    const keys = { SIGINT: termios[17], SIGQUIT: termios[18] } as const; // c_cc[VINTR], c_cc[VQUIT]
    return (Object.keys(keys) as (keyof typeof keys)[]).filter((signal) =>
      bytes.includes(keys[signal] ?? -1),
    );
  }

  #copyWindowSize(): void {
    const size = Buffer.alloc(WINSIZE_BYTES);
    ioctl({ fd: 0, request: IOCTL.TIOCGWINSZ, data: size });
    ioctl({ fd: this.#master, request: IOCTL.TIOCSWINSZ, data: size });
  }
}

function writeAll(fd: number, bytes: Uint8Array): void {
  let rest = bytes;
  while (rest.length > 0) rest = rest.subarray(writeSync(fd, rest));
}
