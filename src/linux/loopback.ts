/** The one network interface of a new network namespace: lo, which starts down. */

import { IFF, IOCTL } from "../libc/constants.ts";
import { inetSocket, ioctl } from "../libc/device.ts";
import { closing } from "../libc/file.ts";

/**
 * Switches `lo` on. The kernel gives it 127.0.0.1 and ::1 by itself as it comes up. netdevice(7)
 * @throws {SyscallError} socket(2), ioctl(2)
 */
export function bringLoopbackUp(): void {
  using socket = closing(inetSocket());
  // struct ifreq: 16 bytes of name, then a union that begins with the flags
  const ifreq = Buffer.alloc(40);
  ifreq.write("lo", 0, "latin1");
  ioctl({ fd: socket.fd, request: IOCTL.SIOCGIFFLAGS, data: ifreq });
  ifreq.writeInt16LE(ifreq.readInt16LE(16) | IFF.IFF_UP, 16);
  ioctl({ fd: socket.fd, request: IOCTL.SIOCSIFFLAGS, data: ifreq });
}
