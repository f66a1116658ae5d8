/** Which of root's powers a container keeps. capabilities(7) */
import { badValue, CanError } from "../can-error.ts";
import { tolerate } from "../libc/call.ts";
import { CAPABILITIES, type Capability } from "../libc/constants.ts";
import { capset, clearAmbientCapabilities, dropFromBoundingSet } from "../libc/credentials.ts";
import { readStatus } from "../linux/proc.ts";

/** docker's default set: enough for packages and services, nothing that reaches the machine. */
export const DEFAULT_CAPABILITIES: readonly Capability[] = [
  "CAP_AUDIT_WRITE",
  "CAP_CHOWN",
  "CAP_DAC_OVERRIDE",
  "CAP_FOWNER",
  "CAP_FSETID",
  "CAP_KILL",
  "CAP_MKNOD",
  "CAP_NET_BIND_SERVICE",
  "CAP_NET_RAW",
  "CAP_SETFCAP",
  "CAP_SETGID",
  "CAP_SETPCAP",
  "CAP_SETUID",
  "CAP_SYS_CHROOT",
];

/**
 * The default set, changed as asked: names with or without CAP_, in either case, or ALL.
 * @throws {CanError} CAN-003 for a name that is no capability, CAN-006 for one that we have not ourselves
 */
export function chooseCapabilities({
  add,
  drop,
}: {
  add: readonly string[];
  drop: readonly string[];
}): Capability[] {
  const added = add.flatMap((name) => named("--cap-add", name));
  const dropped = new Set(drop.flatMap((name) => named("--cap-drop", name)));
  const own = ownCapabilities();
  const missing = add.some(isAll) ? undefined : added.find((capability) => !own.has(capability));
  if (missing !== undefined && process.geteuid?.() === 0) {
    throw new CanError({
      code: "CAN-006",
      headline: `--cap-add ${missing}: the runtime has not got this capability itself`,
      notes: ["it is missing from CapEff in /proc/self/status, and nobody can give what they have not"],
      help: ["leave it out, or run on a machine or in a container that has it"],
      more: ["capabilities(7)"],
    });
  }
  // What was added by name wins over `--cap-drop ALL`: drop everything, give back one.
  const dropsAll = drop.some(isAll);
  const base = dropsAll ? [] : DEFAULT_CAPABILITIES.filter((capability) => !dropped.has(capability));
  const kept = added.filter((capability) => dropsAll || !dropped.has(capability));
  return CAPABILITIES.filter((capability) => own.has(capability) && [...base, ...kept].includes(capability));
}

/**
 * Gives up every capability but these, for good. The bounding set first: dropping from it is itself a power.
 * @param become changes the user in between, while that is still allowed
 * @throws {SyscallError} prctl(2), capset(2)
 */
export function keepOnly(
  capabilities: readonly Capability[],
  { uid, become }: { uid: number; become: () => void },
): void {
  CAPABILITIES.forEach((capability, number) => {
    if (capabilities.includes(capability)) return;
    // EINVAL: a capability that this kernel does not know cannot be held either.
    tolerate(["EINVAL"], () => dropFromBoundingSet(number, capability));
  });
  become();
  clearAmbientCapabilities();
  // A user other than root starts without any, as after any change of user.
  capset({ permitted: uid === 0 ? maskOf(capabilities) : 0n, inheritable: 0n });
}

/** A set of capabilities as the kernel has it: one bit each. */
export function maskOf(capabilities: readonly Capability[]): bigint {
  return capabilities.reduce(
    (mask, capability) => mask | (1n << BigInt(CAPABILITIES.indexOf(capability))),
    0n,
  );
}

function ownCapabilities(): Set<Capability> {
  const mask = BigInt(`0x${readStatus("self").get("CapEff") ?? "0"}`);
  return new Set(CAPABILITIES.filter((_, number) => ((mask >> BigInt(number)) & 1n) === 1n));
}

function isAll(name: string): boolean {
  return name.toUpperCase() === "ALL";
}

function named(option: string, text: string): readonly Capability[] {
  if (isAll(text)) return CAPABILITIES;
  const upper = text.toUpperCase();
  const name = upper.startsWith("CAP_") ? upper : `CAP_${upper}`;
  const found = CAPABILITIES.find((capability) => capability === name);
  if (found !== undefined) return [found];
  throw badValue({ option, text, wanted: "a name of capabilities(7), or ALL", example: "NET_ADMIN" });
}
