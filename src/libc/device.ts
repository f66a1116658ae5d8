/** Terminals and network interfaces: what is asked with ioctl(2). */
import { ptr } from "bun:ffi";
import { call } from "./call.ts";
import { IOCTL } from "./constants.ts";
import { constant } from "./flags.ts";
import { libc } from "./library.ts";

/**
 * ioctl(2) with a structure as argument, which the kernel reads or fills in.
 * @throws {SyscallError} ioctl(2): ENOTTY when the descriptor is not that kind of device
 */
export function ioctl({ fd, request, data }: { fd: number; request: number; data: Uint8Array }): void {
  call("ioctl", { fd, request: constant(IOCTL, request) }, () => libc.ioctl(fd, request, ptr(data)));
}

/** ioctl(2) with a number as argument. */
export function ioctlValue({ fd, request, value }: { fd: number; request: number; value: number }): void {
  call("ioctl", { fd, request: constant(IOCTL, request), value }, () => libc.ioctl(fd, request, value));
}

/** An IPv4 datagram socket: the handle for ioctls on network interfaces. socket(2), netdevice(7) */
export function inetSocket(): number {
  const AF_INET = 2;
  const SOCK_DGRAM_CLOEXEC = 2 | 0o2000000;
  return call("socket", { domain: "AF_INET", type: "SOCK_DGRAM|SOCK_CLOEXEC" }, () =>
    libc.socket(AF_INET, SOCK_DGRAM_CLOEXEC, 0),
  );
}

/** @throws {SyscallError} tcgetpgrp(3): ENOTTY when fd is not our controlling terminal */
export function foregroundGroup(fd: number): number {
  return call("tcgetpgrp", { fd }, () => libc.tcgetpgrp(fd));
}

/**
 * Makes a process group the one that reads the terminal and gets its Ctrl-C.
 * @throws {SyscallError} tcsetpgrp(3)
 */
export function setForegroundGroup({ fd, group }: { fd: number; group: number }): void {
  call("tcsetpgrp", { fd, pgrp: group }, () => libc.tcsetpgrp(fd, group));
}

/** Our own process group. getpgrp(2) */
export function ownGroup(): number {
  return call("getpgrp", {}, () => libc.getpgrp());
}
