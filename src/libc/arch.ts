/** What differs between x86-64 and arm64: old system call numbers and a few flags of open(2). */

export type Architecture = "x64" | "arm64";

export interface ArchitectureConstants {
  readonly syscalls: {
    readonly pivot_root: number;
    readonly capset: number;
    readonly rt_sigaction: number;
    readonly rt_sigprocmask: number;
    readonly setgroups: number;
    readonly setresgid: number;
    readonly setresuid: number;
    readonly prlimit64: number;
    readonly clone: number;
    readonly unshare: number;
    readonly setns: number;
    readonly add_key: number;
    readonly request_key: number;
    readonly keyctl: number;
    readonly bpf: number;
    readonly perf_event_open: number;
    readonly userfaultfd: number;
  };
  /** What seccomp(2) calls the architecture: ELF machine, 64 bit, little endian. linux/audit.h */
  readonly AUDIT_ARCH: number;
  readonly O_DIRECTORY: number;
  readonly O_NOFOLLOW: number;
}

/** x86-64: arch/x86/entry/syscalls/syscall_64.tbl; arm64: include/uapi/asm-generic/unistd.h. */
export const ARCHITECTURES: Readonly<Record<Architecture, ArchitectureConstants>> = {
  x64: {
    syscalls: {
      pivot_root: 155,
      capset: 126,
      rt_sigaction: 13,
      rt_sigprocmask: 14,
      setgroups: 116,
      setresgid: 119,
      setresuid: 117,
      prlimit64: 302,
      clone: 56,
      unshare: 272,
      setns: 308,
      add_key: 248,
      request_key: 249,
      keyctl: 250,
      bpf: 321,
      perf_event_open: 298,
      userfaultfd: 323,
    },
    AUDIT_ARCH: 0xc000_003e,
    O_DIRECTORY: 0o200000,
    O_NOFOLLOW: 0o400000,
  },
  arm64: {
    syscalls: {
      pivot_root: 41,
      capset: 91,
      rt_sigaction: 134,
      rt_sigprocmask: 135,
      setgroups: 159,
      setresgid: 149,
      setresuid: 147,
      prlimit64: 261,
      clone: 220,
      unshare: 97,
      setns: 268,
      add_key: 217,
      request_key: 218,
      keyctl: 219,
      bpf: 280,
      perf_event_open: 241,
      userfaultfd: 282,
    },
    AUDIT_ARCH: 0xc000_00b7,
    O_DIRECTORY: 0o40000,
    O_NOFOLLOW: 0o100000,
  },
};

/** Calls added since Linux 5.0 have one number on every architecture. */
export const COMMON_SYSCALLS = {
  close_range: 436,
  openat2: 437,
  mount_setattr: 442,
  clone3: 435,
  io_uring_setup: 425,
} as const;

if (process.arch !== "x64" && process.arch !== "arm64") {
  throw new Error(`Crab-Can knows the system calls of x64 and arm64, not of ${process.arch}`);
}

/** The constants of the machine this program runs on. */
export const ARCH: ArchitectureConstants = ARCHITECTURES[process.arch];
/** Every system call number that goes through syscall(2), for this machine. */
export const SYS = { ...ARCH.syscalls, ...COMMON_SYSCALLS } as const;
