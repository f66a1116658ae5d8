/**
 * The built-in image `host`: the machine's own programs, read-only, in a root that is otherwise made up. It
 * needs no download. Nothing of the host's /etc, /home, /root, /var or /tmp is in it.
 */
import { existsSync, lstatSync, readFileSync, readlinkSync } from "node:fs";
import { MOUNT_ATTR } from "../libc/constants.ts";
import { chmod, createFile, mkdir, symlink } from "../libc/file.ts";
import { bind, mountTmpfs } from "../linux/mounts.ts";

/** Where the root is put together: any directory that is everywhere, in a mount namespace of our own. */
const HOST_ROOT = "/tmp";

const PROGRAMS = ["usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32", "nix", "gnu"];
const DIRECTORIES = ["dev", "etc", "home", "mnt", "opt", "proc", "run", "srv", "sys", "var", "var/lib"];
const OPEN_DIRECTORIES = ["tmp", "var/tmp"];
/** What programs look up to find libraries, alternatives and certificates: none of it says who uses the machine. */
const SHARED_ETC = [
  "alternatives",
  "ca-certificates",
  "ld.so.cache",
  "ld.so.conf",
  "ld.so.conf.d",
  "localtime",
  "ssl/certs",
];

const PASSWD = `root:x:0:0:root:/root:/bin/sh
daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
`;
const GROUP = `root:x:0:
daemon:x:1:
tty:x:5:
nogroup:x:65534:
`;
const NSSWITCH = `passwd: files
group: files
hosts: files dns
`;

/**
 * Puts the root together at HOST_ROOT. To be called in a mount namespace of its own.
 * @param network "host" also brings the host's resolv.conf, so that names resolve
 * @returns the path of the rootfs
 * @throws {SyscallError} mount(2), mkdir(2), open(2)
 */
export function assembleHostRoot({
  hostname,
  network,
}: {
  hostname: string;
  network: "none" | "host";
}): string {
  mountTmpfs({ target: HOST_ROOT, options: "mode=755" });
  for (const name of PROGRAMS) showProgramDirectory(name);
  for (const name of DIRECTORIES) mkdir({ path: `${HOST_ROOT}/${name}` });
  mkdir({ path: `${HOST_ROOT}/root`, mode: 0o700 });
  for (const name of OPEN_DIRECTORIES) {
    mkdir({ path: `${HOST_ROOT}/${name}` });
    chmod({ path: `${HOST_ROOT}/${name}`, mode: 0o1777 });
  }
  const files: Record<string, string> = {
    passwd: PASSWD,
    group: GROUP,
    "nsswitch.conf": NSSWITCH,
    hostname: `${hostname}\n`,
    hosts: `127.0.0.1 localhost ${hostname}\n::1 localhost\n`,
    ...(network === "host" && existsSync("/etc/resolv.conf")
      ? { "resolv.conf": readFileSync("/etc/resolv.conf", "utf8") }
      : {}),
  };
  for (const [name, text] of Object.entries(files)) createFile({ path: `${HOST_ROOT}/etc/${name}`, text });
  mkdir({ path: `${HOST_ROOT}/etc/ssl` });
  for (const name of SHARED_ETC) showReadOnly(`etc/${name}`);
  return HOST_ROOT;
}

/** /bin may be a directory of its own or a link into /usr; it becomes what it is on the host. */
function showProgramDirectory(name: string): void {
  const found = lstatSync(`/${name}`, { throwIfNoEntry: false });
  if (found?.isSymbolicLink()) symlink({ target: readlinkSync(`/${name}`), path: `${HOST_ROOT}/${name}` });
  else if (found?.isDirectory()) showReadOnly(name);
}

function showReadOnly(name: string): void {
  if (!existsSync(`/${name}`)) return;
  const target = `${HOST_ROOT}/${name}`;
  if (lstatSync(`/${name}`).isDirectory()) mkdir({ path: target });
  else createFile({ path: target, text: "" });
  const { MOUNT_ATTR_RDONLY, MOUNT_ATTR_NODEV, MOUNT_ATTR_NOSUID } = MOUNT_ATTR;
  bind({
    source: `/${name}`,
    locate: () => target,
    set: MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID,
  });
}
