/** What /proc/self/mountinfo looks like on machines that set cgroups up differently. */

const systemdV1 = `
25 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw,errors=remount-ro
31 25 0:26 / /sys/fs/cgroup ro,nosuid,nodev,noexec shared:9 - tmpfs tmpfs ro,mode=755
33 31 0:28 / /sys/fs/cgroup/systemd rw,nosuid,nodev,noexec,relatime shared:11 - cgroup cgroup rw,xattr,name=systemd
37 31 0:32 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid,nodev,noexec,relatime shared:15 - cgroup cgroup rw,cpu,cpuacct
38 31 0:33 / /sys/fs/cgroup/cpuset rw,nosuid,nodev,noexec,relatime shared:16 - cgroup cgroup rw,cpuset
39 31 0:34 / /sys/fs/cgroup/memory rw,nosuid,nodev,noexec,relatime shared:17 - cgroup cgroup rw,memory
40 31 0:35 / /sys/fs/cgroup/pids rw,nosuid,nodev,noexec,relatime shared:18 - cgroup cgroup rw,pids
`;

const unified =
  "32 31 0:27 / /sys/fs/cgroup/unified rw,nosuid,nodev,noexec,relatime shared:10 - cgroup2 cgroup2 rw,nsdelegate\n";

export interface Machine {
  readonly mountinfo: string;
  /** The text of each file that this machine has. */
  readonly files: Readonly<Record<string, string>>;
}

export const MACHINES = {
  /** CentOS 7: version 1 only, cpu and cpuacct in one hierarchy. */
  v1: { mountinfo: systemdV1, files: {} },
  /** Debian 12, Fedora, Ubuntu 22.04 and later. */
  v2: {
    mountinfo: `
24 1 8:2 / / rw,relatime shared:1 - btrfs /dev/sda2 rw,subvol=/root
27 24 0:25 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:9 - cgroup2 cgroup2 rw,nsdelegate,memory_recursiveprot
`,
    files: { "/sys/fs/cgroup/cgroup.controllers": "cpuset cpu io memory hugetlb pids rdma misc\n" },
  },
  /** Ubuntu 20.04: version 1 does the work, version 2 beside it has no controllers. */
  hybrid: {
    mountinfo: systemdV1 + unified,
    files: { "/sys/fs/cgroup/unified/cgroup.controllers": "\n" },
  },
  /** cgroup_no_v1=memory: memory is version 2's, the rest is version 1's. */
  mixed: {
    mountinfo: systemdV1.replace(/^39 .*\n/m, "") + unified,
    files: { "/sys/fs/cgroup/unified/cgroup.controllers": "memory hugetlb\n" },
  },
  /** Inside a docker container on a version 1 host: each hierarchy shows the container's own directory. */
  dockerV1: {
    mountinfo: `
722 641 0:53 / / rw,relatime master:281 - overlay overlay rw,lowerdir=/var/lib/docker/overlay2/l/AB:/var/lib/docker/overlay2/l/CD
730 723 0:57 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime - tmpfs tmpfs rw,mode=755,inode64
731 730 0:29 /docker/0b1c /sys/fs/cgroup/systemd ro,nosuid,nodev,noexec,relatime master:11 - cgroup cgroup rw,xattr,name=systemd
736 730 0:33 /docker/0b1c /sys/fs/cgroup/memory ro,nosuid,nodev,noexec,relatime master:17 - cgroup cgroup rw,memory
737 730 0:34 /docker/0b1c /sys/fs/cgroup/cpu,cpuacct ro,nosuid,nodev,noexec,relatime master:15 - cgroup cgroup rw,cpu,cpuacct
`,
    files: {},
  },
  /** WSL 2: one hierarchy for each controller, version 2 beside them, nothing shared by systemd. */
  wsl2: {
    mountinfo: `
60 59 8:32 / / rw,relatime - ext4 /dev/sdc rw,discard,errors=remount-ro,data=ordered
73 72 0:30 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime - tmpfs tmpfs rw,mode=755
74 73 0:31 / /sys/fs/cgroup/unified rw,nosuid,nodev,noexec,relatime - cgroup2 cgroup2 rw,nsdelegate
75 73 0:32 / /sys/fs/cgroup/cpuset rw,nosuid,nodev,noexec,relatime - cgroup cgroup rw,cpuset
76 73 0:33 / /sys/fs/cgroup/cpu rw,nosuid,nodev,noexec,relatime - cgroup cgroup rw,cpu
77 73 0:34 / /sys/fs/cgroup/cpuacct rw,nosuid,nodev,noexec,relatime - cgroup cgroup rw,cpuacct
79 73 0:36 / /sys/fs/cgroup/memory rw,nosuid,nodev,noexec,relatime - cgroup cgroup rw,memory
86 73 0:43 / /sys/fs/cgroup/pids rw,nosuid,nodev,noexec,relatime - cgroup cgroup rw,pids
99 60 0:51 / /mnt/c rw,noatime - 9p C:\\134 rw,dirsync,aname=drvfs;path=C:\\;uid=1000
`,
    files: { "/sys/fs/cgroup/unified/cgroup.controllers": "" },
  },
  /** A machine that has mounted no cgroups at all. */
  none: {
    mountinfo: "21 1 8:1 / / rw - ext4 /dev/root rw\n22 21 0:20 / /proc rw - proc proc rw\n",
    files: {},
  },
} as const satisfies Record<string, Machine>;
