/** Lending the terminal to the command: who reads the keyboard, whom Ctrl-C reaches. credentials(7), tty(4) */
import { isatty } from "node:tty";
import { SyscallError } from "../libc/call.ts";
import { IOCTL, SIGNALS } from "../libc/constants.ts";
import { foregroundGroup, ioctl, ownGroup, setForegroundGroup } from "../libc/device.ts";
import { setSignalMask } from "../libc/process.ts";

const TERMIOS_BYTES = 64;

/**
 * True when both our input and our output are a terminal in whose foreground we run. In a pipeline we are not
 * alone there (`… | less`), so the terminal is not ours to lend.
 */
export function ownsTerminal(): boolean {
  if (!isatty(0) || !isatty(1)) return false;
  try {
    return foregroundGroup(0) === ownGroup();
  } catch (error) {
    if (error instanceof SyscallError) return false; // a terminal, but not our controlling one
    throw error;
  }
}

/** A terminal lent to a process group until disposal. */
export interface Loan extends Disposable {
  /** Gives the terminal to the group (again). */
  lend(): void;
  /** Takes it back for our own group. */
  takeBack(): void;
}

/**
 * Puts a child's process group into the foreground of our terminal; disposal takes the terminal back, with the
 * settings (echo, line editing) it had.
 * @param group the child's process group
 */
export function lendTerminal(group: number): Loan {
  const settings = Buffer.alloc(TERMIOS_BYTES);
  ioctl({ fd: 0, request: IOCTL.TCGETS, data: settings });
  const give = (to: number) => withoutSigttou(() => setForegroundGroup({ fd: 0, group: to }));
  const loan: Loan = {
    lend: () => give(group),
    takeBack: () => give(ownGroup()),
    [Symbol.dispose]: () => {
      loan.takeBack();
      withoutSigttou(() => ioctl({ fd: 0, request: IOCTL.TCSETS, data: settings }));
    },
  };
  loan.lend();
  return loan;
}

/** A background process that touches its terminal is stopped with SIGTTOU, unless it blocks the signal. */
function withoutSigttou(action: () => void): void {
  setSignalMask(1n << BigInt(SIGNALS.SIGTTOU - 1));
  try {
    action();
  } catch (error) {
    // The terminal may have gone away meanwhile; then there is nothing to take back.
    if (!(error instanceof SyscallError)) throw error;
  } finally {
    setSignalMask(0n);
  }
}
