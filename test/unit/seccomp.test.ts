/** The filter, run by a small interpreter of the few instructions it uses. */
import { expect, test } from "bun:test";
import { seccompFilter } from "../../src/container/seccomp.ts";
import { ARCHITECTURES, COMMON_SYSCALLS } from "../../src/libc/arch.ts";
import { CLONE } from "../../src/libc/constants.ts";

const ALLOWED = "allowed";

/** What the kernel would answer to a call. */
function verdict(program: Uint8Array, call: { nr: number; arch: number; firstArgument?: number }): string {
  const bytes = Buffer.from(program);
  const data: Readonly<Record<number, number>> = { 0: call.nr, 4: call.arch, 16: call.firstArgument ?? 0 };
  let accumulator = 0;
  for (let at = 0; at < bytes.length; at += 8) {
    const [code, yes, no, k] = [
      bytes.readUInt16LE(at),
      bytes[at + 2] ?? 0,
      bytes[at + 3] ?? 0,
      bytes.readUInt32LE(at + 4),
    ];
    if (code === 0x06) return k === 0x7fff0000 ? ALLOWED : `errno ${k & 0xffff}`;
    if (code === 0x20) accumulator = data[k] ?? Number.NaN;
    else if (code === 0x15) at += 8 * (accumulator === k ? yes : no);
    else if (code === 0x35) at += 8 * (accumulator >= k ? yes : no);
    else if (code === 0x45) at += 8 * ((accumulator & k) !== 0 ? yes : no);
    else throw new Error(`an instruction the filter should not use: ${code}`);
  }
  throw new Error("the program has no end");
}

for (const [name, constants] of Object.entries(ARCHITECTURES)) {
  const { syscalls, AUDIT_ARCH: arch } = constants;
  const program = seccompFilter([], constants);
  const SIGCHLD = 17;

  test(`${name}: no namespaces, by none of the calls that make or enter them`, () => {
    expect(verdict(program, { nr: syscalls.unshare, arch })).toBe("errno 1");
    expect(verdict(program, { nr: syscalls.setns, arch })).toBe("errno 1");
    expect(verdict(program, { nr: COMMON_SYSCALLS.clone3, arch })).toBe("errno 38");
    for (const flag of Object.values(CLONE)) {
      expect(verdict(program, { nr: syscalls.clone, arch, firstArgument: flag | SIGCHLD })).toBe("errno 1");
    }
  });

  test(`${name}: ordinary calls pass, and clone for processes and threads`, () => {
    const CLONE_THREAD_FLAGS = 0x003d_0f00; // what pthread_create uses
    for (const firstArgument of [SIGCHLD, CLONE_THREAD_FLAGS]) {
      expect(verdict(program, { nr: syscalls.clone, arch, firstArgument })).toBe(ALLOWED);
    }
    for (const nr of [0, 1, 2, 39, 59, syscalls.setresuid, COMMON_SYSCALLS.openat2]) {
      expect(verdict(program, { nr, arch })).toBe(ALLOWED);
    }
  });

  test(`${name}: keyrings and facilities without namespaces are refused, whatever the capabilities`, () => {
    for (const filter of [program, seccompFilter(["CAP_SYS_ADMIN"], constants)]) {
      for (const nr of [
        syscalls.keyctl,
        syscalls.add_key,
        syscalls.bpf,
        syscalls.userfaultfd,
        COMMON_SYSCALLS.io_uring_setup,
      ]) {
        expect(verdict(filter, { nr, arch })).toBe("errno 1");
      }
    }
  });

  test(`${name}: with CAP_SYS_ADMIN namespaces are allowed`, () => {
    const filter = seccompFilter(["CAP_SYS_ADMIN"], constants);
    expect(verdict(filter, { nr: syscalls.unshare, arch })).toBe(ALLOWED);
    expect(verdict(filter, { nr: COMMON_SYSCALLS.clone3, arch })).toBe(ALLOWED);
  });

  test(`${name}: another architecture's numbers, and those of x32, mean nothing here`, () => {
    expect(verdict(program, { nr: 0, arch: 0x4000_0003 })).toBe("errno 38");
    expect(verdict(program, { nr: 0x4000_0000 + 1, arch })).toBe("errno 38");
  });
}
