/** What of /proc and /sys a container must not touch though it is root in there: docker's default lists. */
import { MOUNT_ATTR, MS } from "../libc/constants.ts";
import { type InRoot, isDirectory } from "../linux/in-root.ts";
import { bind, mountTmpfs } from "../linux/mounts.ts";

/** Hidden: they tell about the machine's hardware, keys and kernel memory. */
const MASKED_PATHS = [
  "proc/acpi",
  "proc/asound",
  "proc/interrupts",
  "proc/kcore",
  "proc/keys",
  "proc/latency_stats",
  "proc/sched_debug",
  "proc/scsi",
  "proc/timer_list",
  "proc/timer_stats",
  "sys/devices/virtual/powercap",
  "sys/firmware",
];

/** Read-only: writing there changes the machine itself. /proc/sysrq-trigger can halt it. */
const READ_ONLY_PATHS = ["proc/bus", "proc/fs", "proc/irq", "proc/sys", "proc/sysrq-trigger"];

/**
 * Covers the masked paths and makes the read-only ones read-only. What this kernel has not got is left out.
 * @throws {SyscallError} mount(2), mount_setattr(2)
 */
export function protectKernelFiles(root: InRoot): void {
  for (const path of MASKED_PATHS) {
    const target = root.find(path);
    if (target === undefined) continue;
    if (isDirectory(target))
      mountTmpfs({ target, options: "size=4k,nr_inodes=1,mode=555", flags: MS.MS_RDONLY | MS.MS_NOEXEC });
    else bind({ source: "/dev/null", locate: () => root.locate(path), set: MOUNT_ATTR.MOUNT_ATTR_RDONLY });
  }
  for (const path of READ_ONLY_PATHS) {
    const source = root.find(path);
    if (source === undefined) continue;
    bind({ source, locate: () => root.locate(path), set: MOUNT_ATTR.MOUNT_ATTR_RDONLY });
  }
}
