/**
 * A small filter for system calls that lead around the walls. In a user namespace of its own a process has all
 * capabilities again, may mount what it likes, and reach cgroups that are not the container's; keys and some kernel
 * facilities know no namespaces at all. seccomp(2)
 */
import { ARCH, type ArchitectureConstants, COMMON_SYSCALLS } from "../libc/arch.ts";
import { type Capability, CLONE } from "../libc/constants.ts";

// Classic BPF, linux/bpf_common.h: what the kernel's documentation writes as macros.
const BPF = {
  LOAD_WORD: 0x20, // BPF_LD | BPF_W | BPF_ABS
  JUMP_EQUAL: 0x15, // BPF_JMP | BPF_JEQ | BPF_K
  JUMP_GREATER_EQUAL: 0x35, // BPF_JMP | BPF_JGE | BPF_K
  JUMP_SET: 0x45, // BPF_JMP | BPF_JSET | BPF_K
  RETURN: 0x06, // BPF_RET | BPF_K
} as const;

// struct seccomp_data: int nr; __u32 arch; __u64 instruction_pointer; __u64 args[6]
const OFFSET = { nr: 0, arch: 4, firstArgument: 16 } as const;
const ALLOW = 0x7fff_0000; // SECCOMP_RET_ALLOW
const refuseWith = (errno: number) => 0x0005_0000 | errno; // SECCOMP_RET_ERRNO
const EPERM = refuseWith(1);
const ENOSYS = refuseWith(38);
/** On x86-64 these are the calls of x32, a second way to the same kernel. */
const X32_BIT = 0x4000_0000;
const NEW_NAMESPACES = Object.values(CLONE).reduce((bits, bit) => bits | bit, 0);

type Instruction = readonly [code: number, jumpTrue: number, jumpFalse: number, constant: number];

/**
 * The filter for a container with these capabilities. With CAP_SYS_ADMIN namespaces are allowed, as in docker.
 * @returns BPF instructions, for `setSeccompFilter`
 */
export function seccompFilter(
  capabilities: readonly Capability[],
  arch: ArchitectureConstants = ARCH,
): Uint8Array {
  const { syscalls } = arch;
  const kernelFacilities = [
    ...[syscalls.add_key, syscalls.request_key, syscalls.keyctl],
    ...[syscalls.bpf, syscalls.perf_event_open, syscalls.userfaultfd, COMMON_SYSCALLS.io_uring_setup],
  ];
  const mayMakeNamespaces = capabilities.includes("CAP_SYS_ADMIN");
  return assemble([
    [BPF.LOAD_WORD, 0, 0, OFFSET.arch],
    [BPF.JUMP_EQUAL, 1, 0, arch.AUDIT_ARCH],
    [BPF.RETURN, 0, 0, ENOSYS],
    [BPF.LOAD_WORD, 0, 0, OFFSET.nr],
    [BPF.JUMP_GREATER_EQUAL, 0, 1, X32_BIT],
    [BPF.RETURN, 0, 0, ENOSYS],
    ...kernelFacilities.flatMap((number) => answer(number, EPERM)),
    ...(mayMakeNamespaces ? [] : withoutNamespaces(syscalls)),
    [BPF.RETURN, 0, 0, ALLOW],
  ]);
}

function withoutNamespaces({ unshare, setns, clone }: ArchitectureConstants["syscalls"]): Instruction[] {
  return [
    ...answer(unshare, EPERM),
    ...answer(setns, EPERM),
    // Its flags are in memory, where a filter cannot look. ENOSYS makes libc fall back to clone(2).
    ...answer(COMMON_SYSCALLS.clone3, ENOSYS),
    [BPF.JUMP_EQUAL, 0, 3, clone],
    [BPF.LOAD_WORD, 0, 0, OFFSET.firstArgument],
    [BPF.JUMP_SET, 0, 1, NEW_NAMESPACES],
    [BPF.RETURN, 0, 0, EPERM],
  ];
}

/** "If it is this call, answer so": a comparison that skips the answer otherwise. */
function answer(number: number, verdict: number): Instruction[] {
  return [
    [BPF.JUMP_EQUAL, 0, 1, number],
    [BPF.RETURN, 0, 0, verdict],
  ];
}

/** struct sock_filter: __u16 code; __u8 jt, jf; __u32 k */
function assemble(instructions: readonly Instruction[]): Uint8Array {
  const program = Buffer.alloc(instructions.length * 8);
  instructions.forEach(([code, jumpTrue, jumpFalse, constant], index) => {
    program.writeUInt16LE(code, index * 8);
    program.writeUInt8(jumpTrue, index * 8 + 2);
    program.writeUInt8(jumpFalse, index * 8 + 3);
    program.writeUInt32LE(constant >>> 0, index * 8 + 4);
  });
  return program;
}
