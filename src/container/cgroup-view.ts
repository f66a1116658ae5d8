/** Lets a container read its own limits where programs look for them: /sys/fs/cgroup, read-only. */
import { MOUNT_ATTR } from "../libc/constants.ts";
import { mkdir } from "../libc/file.ts";
import type { CgroupView } from "../linux/cgroup/cgroup.ts";
import type { InRoot } from "../linux/in-root.ts";
import { bind, mountTmpfs } from "../linux/mounts.ts";

const PLACE = "sys/fs/cgroup";
const { MOUNT_ATTR_RDONLY, MOUNT_ATTR_NOSUID, MOUNT_ATTR_NODEV, MOUNT_ATTR_NOEXEC } = MOUNT_ATTR;
const QUIET = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;

/**
 * Mounts the container's own cgroup directories, and nothing above them.
 * @throws {SyscallError} mount(2)
 */
export function mountCgroupView(root: InRoot, view: CgroupView): void {
  if (root.find(PLACE) === undefined) return; // a kernel without cgroups
  if (view.kind === "unified") {
    bind({ source: view.path, locate: () => root.locate(PLACE), set: QUIET });
    return;
  }
  mountTmpfs({ target: root.locate(PLACE), options: "mode=755,size=64k" });
  for (const [controller, path] of Object.entries(view.paths)) {
    mkdir({ path: `${root.locate(PLACE)}/${controller}` });
    bind({ source: path, locate: () => root.locate(`${PLACE}/${controller}`), set: QUIET });
  }
}
