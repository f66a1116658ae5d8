/** What of /proc and /sys a container must not touch though it is root in there: docker's default lists. */
import { MOUNT_ATTR, MS } from "../libc/constants.ts";
import { type InRoot, isDirectory } from "../linux/in-root.ts";
import { bind, mountTmpfs } from "../linux/mounts.ts";

/** Hidden: they tell about the machine's hardware, keys and kernel memory. */
const MASKED = {
  proc: "acpi asound interrupts kcore keys latency_stats sched_debug scsi timer_list timer_stats".split(" "),
  sys: ["devices/virtual/powercap", "firmware"],
};

/** Read-only: writing there changes the machine itself. /proc/sysrq-trigger can halt it. */
const READ_ONLY = "bus fs irq sys sysrq-trigger".split(" ");

/**
 * Covers the masked paths and makes the read-only ones read-only. What this kernel has not got is left out: that is
 * certain, because everything is looked up in the mounts themselves and not by way of the image.
 * @throws {SyscallError} mount(2), mount_setattr(2)
 * @throws {CanError} CAN-016
 */
export function protectKernelFiles(root: InRoot): void {
  using proc = root.mounted("proc", "proc");
  using sys = root.mounted("sys", "sysfs");
  for (const path of MASKED.proc) mask(proc, path);
  for (const path of MASKED.sys) mask(sys, path);
  for (const path of READ_ONLY) {
    const source = proc.find(path);
    if (source !== undefined)
      bind({ source, locate: () => proc.locate(path), set: MOUNT_ATTR.MOUNT_ATTR_RDONLY });
  }
}

function mask(mounted: InRoot, path: string): void {
  const target = mounted.find(path);
  if (target === undefined) return;
  if (isDirectory(target)) {
    mountTmpfs({ target, options: "size=4k,nr_inodes=1,mode=555", flags: MS.MS_RDONLY | MS.MS_NOEXEC });
  } else {
    bind({ source: "/dev/null", locate: () => mounted.locate(path), set: MOUNT_ATTR.MOUNT_ATTR_RDONLY });
  }
}
