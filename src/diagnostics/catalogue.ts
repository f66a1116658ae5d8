/** What each error code means, at more length than an error message has. docs/errors is written from this. */

export interface CatalogueEntry {
  readonly title: string;
  /** Paragraphs. */
  readonly text: readonly string[];
  readonly readMore: readonly string[];
}

export const CATALOGUE: Readonly<Record<string, CatalogueEntry>> = {
  "CAN-001": {
    title: "This needs root",
    text: [
      "Namespaces other than user namespaces, mounts and cgroups may be made by root only. Phase 1 needs nothing of the kind; phases 2 to 4 and `crab-can run` do.",
      "The error names the line to type. It spells the interpreter out, because sudo looks programs up in a PATH of its own, in which a Bun that npm or an installer has put into your home is not found.",
    ],
    readMore: ["namespaces(7)", "sudo(8)"],
  },
  "CAN-002": {
    title: "The command line cannot be understood",
    text: [
      "An option is unknown, stands there twice, lacks its value, or image or command are missing. Options end where the image begins: everything after it belongs to the command and is passed on untouched.",
    ],
    readMore: [],
  },
  "CAN-003": {
    title: "An option's value makes no sense",
    text: [
      "Sizes are a number and perhaps one of k, M, G, T (powers of 1024). Names and hostnames are letters, digits, '_', '.' and '-'. Capabilities are those of capabilities(7), with or without CAP_.",
    ],
    readMore: ["capabilities(7)", "hostname(7)"],
  },
  "CAN-004": {
    title: "The memory limit is less than starting a program needs",
    text: [
      "The process joins its cgroup right before execve(2), so the limit already holds while the kernel sets the program up: arguments, page tables, the first pages. Under about half a megabyte it is killed before its first instruction.",
    ],
    readMore: ["cgroups(7)", "execve(2)"],
  },
  "CAN-005": {
    title: "Root without CAP_SYS_ADMIN",
    text: [
      "The process has user number 0 but not the capability that the call wants. That is how root is in most containers. Such a container has to be started with more privileges, or Crab-Can has to run on the machine itself.",
    ],
    readMore: ["capabilities(7)"],
  },
  "CAN-006": {
    title: "A capability that the runtime has not got itself",
    text: [
      "A process can hand on only what it holds. Inside another container, or under a hardened service, root lacks some capabilities.",
    ],
    readMore: ["capabilities(7)"],
  },
  "CAN-010": {
    title: "There is no such image",
    text: [
      "An image is the path of a directory that holds a root file system, or the word `host`, which is built in. To use a directory that is called host, write `./host`.",
    ],
    readMore: [],
  },
  "CAN-011": {
    title: "The image is not a directory that can be used",
    text: [
      "A file has to be unpacked first. The host's own root directory is refused: a container whose root is the host's has no wall, and what it mounts or deletes is the host's.",
    ],
    readMore: [],
  },
  "CAN-012": {
    title: "pivot_root refuses the directory",
    text: [
      "pivot_root(2) wants new_root to be a mount point, different from the present root; the mounts above it and above the present root, and the one at put_old, may not be shared. The kernel answers EINVAL or EBUSY for all of that, depending on the layout; Crab-Can looks at /proc/self/mountinfo and says which it is.",
    ],
    readMore: ["pivot_root(2)", "mount_namespaces(7)"],
  },
  "CAN-013": {
    title: "Something else is where a directory for a mount must be",
    text: [
      "/proc, /sys and /dev of an image must be real directories, or be missing. A symbolic link would lead the mount elsewhere, and a container that believes in a false /proc has lost the protection of the real one.",
    ],
    readMore: ["path_resolution(7)", "openat2(2)"],
  },
  "CAN-014": {
    title: "A mount's source or target does not exist",
    text: ["mount(2) makes neither. The error names which of the two is missing."],
    readMore: ["mount(2)"],
  },
  "CAN-015": {
    title: "No more namespaces may be made",
    text: [
      "The kernel limits the number of namespaces of each kind; the limits are files under /proc/sys/user.",
    ],
    readMore: ["namespaces(7)"],
  },
  "CAN-016": {
    title: "A mount of the container is not where it was put",
    text: [
      "The container's /proc, /sys and /dev are checked before the command starts. A volume may cover one of them, or somebody with access to the image may have moved it. Without them the container would not be protected, so it does not start.",
    ],
    readMore: ["mount_namespaces(7)"],
  },
  "CAN-020": {
    title: "The command was not found",
    text: [
      "A name without a slash is looked up in the directories of PATH, inside the image. A name with a slash is taken as it is. The exit status is 127, as with a shell.",
      'A file that is there can still be "not found": when the interpreter in its #! line, or the dynamic loader of a program, is missing from the image.',
    ],
    readMore: ["execve(2)", "environ(7)"],
  },
  "CAN-021": {
    title: "The command cannot be executed",
    text: [
      "It was found, and the kernel refuses to execute it: it is a directory, has no execute permission, lies on a noexec mount, is made for another machine, or is a script without a #! line. The exit status is 126.",
    ],
    readMore: ["execve(2)"],
  },
  "CAN-030": {
    title: "A cgroup controller is missing",
    text: [
      "Each limit needs its controller: memory, cpu, pids. Where it is not mounted, or was switched off when the kernel was booted, the limit cannot be set, and Crab-Can does not pretend. `crab-can doctor` says what there is.",
    ],
    readMore: ["cgroups(7)"],
  },
  "CAN-031": {
    title: "The kernel did not take a limit as it was written",
    text: [
      "Every limit is read back after it was written. A value that reads differently would be a limit other than the one that was asked for.",
    ],
    readMore: ["cgroups(7)"],
  },
  "CAN-032": {
    title: "The name is in use",
    text: [
      "A container's name is the name of its cgroup, and its runtime process holds a lock on that directory as long as it lives. After a runtime process was killed, the next run finds the lock free and removes what was left.",
    ],
    readMore: ["flock(2)"],
  },
  "CAN-033": {
    title: "A cgroup holds processes and cannot hand controllers down",
    text: [
      "In cgroup version 2 a group may not both hold processes and hand controllers down to groups below it, except for the real root. In a container with a cgroup namespace the root that one sees is not the real one.",
    ],
    readMore: ["cgroups(7)"],
  },
  "CAN-040": {
    title: "A volume's source does not exist",
    text: ["Crab-Can does not make directories on the host because of a typing error. Make it first."],
    readMore: [],
  },
  "CAN-041": {
    title: "The user or group is not in the image",
    text: [
      "Names are looked up in the image's own /etc/passwd and /etc/group, because it is there that they mean something. Numbers always work.",
    ],
    readMore: ["passwd(5)", "group(5)"],
  },
  "CAN-042": {
    title: "The image has no such working directory",
    text: ["`--workdir` names a directory inside the image."],
    readMore: ["chdir(2)"],
  },
  "CAN-043": {
    title: "A volume cannot be put where it should go",
    text: [
      "Missing directories on the way are made in the image. That fails where the image cannot be written, or where a file, or a link that leads nowhere, is in the way.",
    ],
    readMore: ["openat2(2)"],
  },
  "CAN-044": {
    title: "A standard stream is a directory of the host",
    text: [
      "From an open directory a process climbs by `..` to all files around it, pivot_root or not. So no directory is handed in as standard input, output or error.",
    ],
    readMore: ["openat(2)"],
  },
  "CAN-050": {
    title: "The directory for a new image is in use",
    text: [
      "`crab-can image make` writes into a directory that does not exist yet or is empty, and changes nothing else.",
    ],
    readMore: [],
  },
  "CAN-052": {
    title: "The image cannot be written",
    text: [
      "The place where the image should go, or what should go into it, cannot be written or read: no permission, a full or read-only file system.",
    ],
    readMore: [],
  },
  "CAN-051": {
    title: "A program cannot go into an image",
    text: [
      "It does not exist on this machine, or needs a library that is missing. ldd(1) lists what a program needs.",
    ],
    readMore: ["ldd(1)"],
  },
  "CAN-097": {
    title: "The lesson's own code failed",
    text: [
      "A phase or a lab threw an error that is not the kernel's: a name that is misspelt, a value of the wrong type. The error says in which line.",
    ],
    readMore: [],
  },
  "CAN-098": {
    title: "A bug in Crab-Can",
    text: ["Something failed that is not a system call and not the user's doing. Please report it."],
    readMore: [],
  },
  "CAN-099": {
    title: "The kernel refused a call",
    text: [
      "Nothing certain is known about the reason beyond what the error says: the call, its arguments, and the error number. The manual page of the call lists what that number can mean.",
    ],
    readMore: [],
  },
};

/** A page of docs/errors. */
export function errorPage(code: string, { title, text, readMore }: CatalogueEntry): string {
  const more = readMore.length === 0 ? "" : `\nRead on: ${readMore.join(", ")}\n`;
  return `# ${code}: ${title}\n\n${text.join("\n\n")}\n${more}`;
}
