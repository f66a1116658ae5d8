/** One plain sentence for each system call: what the kernel believes from now on. */
import type { Arguments } from "../libc/call.ts";

type Sentence = string | ((args: Readonly<Record<string, string>>) => string);

const NAMESPACES: Readonly<Record<string, string>> = {
  CLONE_NEWPID: "the next child will be PID 1 of a process table of its own",
  CLONE_NEWNS: "mounts made from here on are in a mount table of our own",
  CLONE_NEWUTS: "the hostname is ours alone",
  CLONE_NEWIPC: "System V IPC and POSIX message queues start empty",
  CLONE_NEWNET: "there is no network but a lo that is down",
  CLONE_NEWCGROUP: "our own cgroup looks like the root of the hierarchy",
  CLONE_NEWUSER: "user and group numbers get a meaning of their own",
};

const SENTENCES: Readonly<Record<string, Sentence>> = {
  chmod: ({ path }) => `${path} has other permissions.`,
  capset: "Of root's powers only these are left.",
  chdir: ({ path }) => `Relative paths start at ${path} now.`,
  close: "A descriptor is given back.",
  close_range: "Whatever else is open will close by itself when the next program starts.",
  dup2: ({ to }) => `Descriptor ${to} is the container's own /dev/null.`,
  execve: ({ path }) => `If ${path} is there, this process becomes it, and keeps its PID.`,
  fchdir: "The current directory is the one that was open.",
  flock: "We own this as long as we live; the kernel frees it when we die, however we die.",
  getpgrp: "Which process group are we in?",
  ioctl: ({ request }) => IOCTLS[request ?? ""] ?? "A device is asked for something of its own.",
  isatty: ({ fd }) => `Is descriptor ${fd} a terminal?`,
  kill: ({ pid, sig }) => `${sig} goes to ${pid}.`,
  mkdir: ({ path }) =>
    path?.includes("cgroup") ? "A directory here is a cgroup." : "There is a new directory.",
  mount: mountSentence,
  mount_setattr: ({ attr_set }) => `The mount gets new properties: ${attr_set}.`,
  open: ({ path }) =>
    path?.includes("/ns/") ? "We keep a handle on a namespace, to come back to it." : `${path} is open.`,
  openat2: "The path was resolved with the rootfs taken for /, so no link in it can lead out.",
  pipe2: "A channel for the two sides to talk through.",
  pivot_root: "Another mount is the root directory now; the old root lies on top of it.",
  poll: "Is anybody still at the other end?",
  posix_spawn: "A new process was born and runs another program.",
  prctl: prctlSentence,
  prlimit64: "How many descriptors may be open at once.",
  read: "Something was read.",
  rmdir: ({ path }) => (path?.includes("cgroup") ? "The cgroup is gone." : "The directory is gone."),
  rt_sigaction: "Every signal does again what it does by default.",
  rt_sigprocmask: ({ set }) => (set === "0x0" ? "No signal is blocked." : "Some signals have to wait."),
  sethostname: ({ name }) => `Whoever asks in this UTS namespace hears that the machine is called ${name}.`,
  setgroups: "The supplementary groups are these and no others.",
  setns: ({ nstype }) =>
    nstype === "CLONE_NEWPID"
      ? "Later children are born in our own PID namespace again."
      : "We have entered a namespace.",
  setresgid: ({ rgid }) => `The process belongs to group ${rgid}, for good.`,
  setresuid: ({ ruid }) => `The process belongs to user ${ruid}, for good.`,
  socket: "A handle to talk about network interfaces with.",
  symlink: ({ path, target }) => `${path} leads to ${target}.`,
  tcgetpgrp: "Which process group has the terminal?",
  umask: ({ mask }) => `New files do not get the permission bits ${mask}.`,
  umount2: ({ target }) =>
    target === "."
      ? "The old root is out of sight: no path leads to it any more."
      : `${target} is no mount point any more.`,
  unshare: ({ flags }) => sentenceFor((flags ?? "").split("|").map((flag) => NAMESPACES[flag] ?? flag)),
  waitpid: "Has the child changed?",
  write: writeSentence,
};

const IOCTLS: Readonly<Record<string, string>> = {
  SIOCGIFFLAGS: "Which flags does the interface have?",
  SIOCSIFFLAGS: "lo is up: 127.0.0.1 answers.",
  TCGETS: "How is the terminal set?",
  TIOCGPTN: "Which number has the new terminal in /dev/pts?",
  TIOCGWINSZ: "How large is our own terminal?",
  TIOCSPTLCK: "The new terminal may be opened.",
  TIOCSWINSZ: "The terminal has a new size.",
};

/** The calls that have a sentence of their own, for the test that leaves none out. */
export function knownCalls(): string[] {
  return Object.keys(SENTENCES);
}

/**
 * Says what a call that worked has changed.
 * @param args the decoded arguments, as `SystemCall` carries them
 */
export function explainCall(name: string, args: Arguments): string {
  const sentence = SENTENCES[name];
  if (sentence === undefined) return "";
  if (typeof sentence === "string") return sentence;
  const texts = Object.entries(args).map(([key, value]) => [key, String(value)]);
  return sentence(Object.fromEntries(texts));
}

function mountSentence({ source, target, type, flags = "" }: Readonly<Record<string, string>>): string {
  const bits = flags.split("|");
  if (bits.includes("MS_PRIVATE"))
    return "What is mounted here stays here: no mount of ours reaches the host.";
  if (bits.includes("MS_BIND")) {
    return source === target
      ? `${target} is a mount point now: a mount of itself.`
      : `${target} shows what ${source} is.`;
  }
  if (type === "proc") return `${target} shows the processes of our own PID namespace.`;
  if (type === "tmpfs") return `${target} is an empty file system in memory.`;
  return `${target} is a ${type} file system.`;
}

function writeSentence({ fd = "", data }: Readonly<Record<string, string>>): string {
  const path = /<(.+)>/.exec(fd)?.[1] ?? "";
  if (path.endsWith("/cgroup.procs")) return "We have joined the cgroup: from here on everything counts.";
  if (path.includes("/cgroup/"))
    return `${path.slice(path.lastIndexOf("/") + 1)} of the cgroup is ${data} now.`;
  if (path !== "") return `${path} has its text.`;
  return "Something went to the other side.";
}

function prctlSentence({ option, cap }: Readonly<Record<string, string>>): string {
  if (option === "PR_SET_PDEATHSIG") return "If our parent dies, so do we.";
  if (option === "PR_SET_NO_NEW_PRIVS") return "No program started from here on can gain privileges.";
  if (option === "PR_CAPBSET_DROP") return `${cap} can never come back.`;
  if (option === "PR_SET_SECCOMP")
    return "The kernel asks this filter before each system call of the container.";
  if (option === "PR_CAP_AMBIENT") return "No capability is handed on through execve by itself.";
  return "A property of the process has changed.";
}

function sentenceFor(clauses: readonly string[]): string {
  const text = clauses.join("; ");
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}
