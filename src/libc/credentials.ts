/** Who a process is and what it may do: user, groups, capabilities. All of it is per thread. */
import { ptr } from "bun:ffi";
import { SYS } from "./arch.ts";
import { call } from "./call.ts";
import { PR, PR_CAP_AMBIENT_CLEAR_ALL, SECCOMP_MODE_FILTER } from "./constants.ts";
import { bare, hex } from "./flags.ts";
import { libc } from "./library.ts";

/** From here on no execve can gain privileges: set-user-ID bits and file capabilities are ignored. prctl(2) */
export function setNoNewPrivileges(): void {
  call("prctl", { option: bare("PR_SET_NO_NEW_PRIVS"), value: 1 }, () =>
    libc.prctl(PR.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0),
  );
}

/**
 * Installs a filter that the kernel asks about every later system call of this thread and its descendants.
 * @param program BPF instructions, eight bytes each
 * @throws {SyscallError} prctl(2): EACCES without no_new_privs, EINVAL for a program the kernel cannot check
 */
export function setSeccompFilter(program: Uint8Array): void {
  const count = program.byteLength / 8;
  // struct sock_fprog: a 16-bit length, padding, a pointer
  const sockFprog = new BigUint64Array([BigInt(count), BigInt(ptr(program))]);
  call(
    "prctl",
    { option: bare("PR_SET_SECCOMP"), mode: bare("SECCOMP_MODE_FILTER"), instructions: count },
    () => libc.prctl(PR.PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ptr(sockFprog), 0, 0),
  );
}

/**
 * Takes a capability out of the bounding set: no later execve can give it back.
 * @param number the capability's number
 * @throws {SyscallError} prctl(2): EINVAL for a capability this kernel does not know
 */
export function dropFromBoundingSet(number: number, name: string): void {
  call("prctl", { option: bare("PR_CAPBSET_DROP"), cap: bare(name) }, () =>
    libc.prctl(PR.PR_CAPBSET_DROP, number, 0, 0, 0),
  );
}

/** @throws {SyscallError} prctl(2) */
export function clearAmbientCapabilities(): void {
  call("prctl", { option: bare("PR_CAP_AMBIENT"), arg: bare("PR_CAP_AMBIENT_CLEAR_ALL") }, () =>
    libc.prctl(PR.PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0),
  );
}

/**
 * Sets this thread's capability sets.
 * @param permitted also becomes the effective set; one bit a capability
 * @throws {SyscallError} capset(2): EPERM when a capability is not permitted now
 */
export function capset({ permitted, inheritable }: { permitted: bigint; inheritable: bigint }): void {
  // _LINUX_CAPABILITY_VERSION_3: a header, then low and high words of effective, permitted, inheritable
  const header = new Uint32Array([0x2008_0522, 0]);
  const low = (set: bigint) => Number(set & 0xffff_ffffn);
  const high = (set: bigint) => Number(set >> 32n);
  const data = new Uint32Array([
    low(permitted),
    low(permitted),
    low(inheritable),
    high(permitted),
    high(permitted),
    high(inheritable),
  ]);
  const args = { effective: hex(permitted), permitted: hex(permitted), inheritable: hex(inheritable) };
  call("capset", args, () => libc.syscall(SYS.capset, ptr(header), ptr(data), 0, 0, 0, 0));
}

/**
 * Becomes another user. The raw calls change this thread only, and this thread is the one that will exec.
 * @throws {SyscallError} setgroups(2), setresgid(2), setresuid(2)
 */
export function setUser({ uid, gid, groups }: { uid: number; gid: number; groups: readonly number[] }): void {
  const list = new Uint32Array([...groups, 0]);
  call("setgroups", { groups: groups.map(String) }, () =>
    libc.syscall(SYS.setgroups, groups.length, ptr(list), 0, 0, 0, 0),
  );
  call("setresgid", { rgid: gid, egid: gid, sgid: gid }, () =>
    libc.syscall(SYS.setresgid, gid, gid, gid, 0, 0, 0),
  );
  call("setresuid", { ruid: uid, euid: uid, suid: uid }, () =>
    libc.syscall(SYS.setresuid, uid, uid, uid, 0, 0, 0),
  );
}
