/** Terminals and network interfaces: what is asked with ioctl(2). */
import { ptr } from "bun:ffi";
import { call } from "./call.ts";
import { IOCTL } from "./constants.ts";
import { bare, constant } from "./flags.ts";
import { libc } from "./library.ts";

/**
 * ioctl(2) with a structure as argument, which the kernel reads or fills in.
 * @throws {SyscallError} ioctl(2): ENOTTY when the descriptor is not that kind of device
 */
export function ioctl({ fd, request, data }: { fd: number; request: number; data: Uint8Array }): void {
  call("ioctl", { fd, request: constant(IOCTL, request) }, () => libc.ioctl(fd, request, ptr(data)));
}

/** An IPv4 datagram socket: the handle for ioctls on network interfaces. socket(2), netdevice(7) */
export function inetSocket(): number {
  const AF_INET = 2;
  const SOCK_DGRAM_CLOEXEC = 2 | 0o2000000;
  return call("socket", { domain: bare("AF_INET"), type: bare("SOCK_DGRAM|SOCK_CLOEXEC") }, () =>
    libc.socket(AF_INET, SOCK_DGRAM_CLOEXEC, 0),
  );
}

/**
 * The process group that reads the terminal and gets its Ctrl-C. `fd` may also be a pty's master.
 * @throws {SyscallError} tcgetpgrp(3): ENOTTY when fd is not our controlling terminal
 */
export function foregroundGroup(fd: number): number {
  return call("tcgetpgrp", { fd }, () => libc.tcgetpgrp(fd));
}

/** Our own process group. getpgrp(2) */
export function ownGroup(): number {
  return call("getpgrp", {}, () => libc.getpgrp());
}

/** Whether a descriptor is a terminal. isatty(3) */
export function isTerminal(fd: number): boolean {
  return call("isatty", { fd }, () => libc.isatty(fd)) === 1;
}
