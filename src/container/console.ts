/**
 * The container's terminal. Not the host's own: whoever has that can type into it on the host's behalf
 * (TIOCSTI). A pseudo-terminal of the container's devpts takes its place, and the runtime process carries bytes
 * between the two. pty(7)
 */
import { read as readAsync, writeSync } from "node:fs";
import { isatty } from "node:tty";
import { IOCTL, MS, O } from "../libc/constants.ts";
import { foregroundGroup, ioctl, ioctlValue } from "../libc/device.ts";
import { close, createFile, dup2, open } from "../libc/file.ts";
import { mount } from "../libc/namespace.ts";
import { pidfdGetfd, pidfdOpen } from "../libc/process.ts";
import type { InRoot } from "../linux/in-root.ts";
import type { InitProcess, InitSide } from "../linux/init-process.ts";

const WINSIZE_BYTES = 8;
const CHUNK_BYTES = 65_536;
const CTRL_C = 3;

/**
 * In the init process: makes the pseudo-terminal, hands its master to the runtime process, and takes the slave
 * for controlling terminal and standard streams.
 * @throws {SyscallError} open(2), ioctl(2)
 */
export function takeConsole(root: InRoot, side: InitSide): void {
  const master = open({ path: root.locate("dev/pts/ptmx"), flags: O.O_RDWR | O.O_NOCTTY });
  const number = Buffer.alloc(4);
  ioctl({ fd: master, request: IOCTL.TIOCSPTLCK, data: Buffer.alloc(4) });
  ioctl({ fd: master, request: IOCTL.TIOCGPTN, data: number });
  const path = `dev/pts/${number.readInt32LE(0)}`;
  const slave = open({ path: root.locate(path), flags: O.O_RDWR | O.O_NOCTTY });
  createFile({ path: `${root.locate("dev")}/console`, text: "" });
  mount({ source: root.locate(path), target: root.locate("dev/console"), flags: MS.MS_BIND });
  side.tell(String(master)); // the runtime process copies it out of us …
  side.awaitReply(); // … before execve closes it
  ioctlValue({ fd: slave, request: IOCTL.TIOCSCTTY, value: 0 });
  for (const stream of [0, 1, 2]) {
    // Standard error may be redirected to a file; then it stays what it is.
    if (isatty(stream)) dup2({ from: slave, to: stream });
  }
}

/** In the runtime process: carries bytes until disposal, which gives the terminal back as it was. */
export interface Relay extends AsyncDisposable {
  readonly master: number;
}

/**
 * Waits for the init process to have made its terminal, and starts to carry bytes.
 * @param interrupt called for Ctrl-C when only the init process itself would hear it
 * @returns undefined when the init process ended before that
 */
export function startRelay(init: InitProcess, interrupt: () => void): Relay | undefined {
  const answer = init.listen();
  if (answer === undefined) return undefined;
  const pidfd = pidfdOpen(init.pid);
  const master = pidfdGetfd({ pidfd, fd: Number(answer) });
  close(pidfd);
  copyWindowSize(master);
  init.reply();
  const onResize = () => copyWindowSize(master);
  const onInput = (chunk: Buffer) => {
    writeSync(master, chunk);
    if (chunk.includes(CTRL_C) && foregroundGroup(master) === init.pid) interrupt();
  };
  process.on("SIGWINCH", onResize);
  process.stdin.setRawMode(true);
  process.stdin.on("data", onInput);
  const drained = carryOutput(master);
  return {
    master,
    async [Symbol.asyncDispose]() {
      await drained;
      process.off("SIGWINCH", onResize);
      process.stdin.off("data", onInput);
      process.stdin.setRawMode(false);
      process.stdin.pause();
      close(master);
    },
  };
}

/** Reads the master until the last holder of the slave is gone, which shows as EIO. */
function carryOutput(master: number): Promise<void> {
  const buffer = Buffer.alloc(CHUNK_BYTES);
  return new Promise((resolve) => {
    const next = () =>
      readAsync(master, buffer, 0, CHUNK_BYTES, null, (error, count) => {
        if (error !== null || count === 0) return resolve();
        writeAll(buffer.subarray(0, count));
        next();
      });
    next();
  });
}

function writeAll(bytes: Uint8Array): void {
  let rest = bytes;
  while (rest.length > 0) rest = rest.subarray(writeSync(1, rest));
}

function copyWindowSize(master: number): void {
  const size = Buffer.alloc(WINSIZE_BYTES);
  ioctl({ fd: 0, request: IOCTL.TIOCGWINSZ, data: size });
  ioctl({ fd: master, request: IOCTL.TIOCSWINSZ, data: size });
}
