/** Names that containers have. */
import { badValue } from "../can-error.ts";

/** A random id of twelve hexadecimal digits, as container runtimes have them. */
export function randomId(): string {
  return Buffer.from(crypto.getRandomValues(new Uint8Array(6))).toString("hex");
}

/**
 * Checks a container's name: it becomes the name of a cgroup directory.
 * @throws {CanError} CAN-003
 */
export function checkName(name: string): string {
  return checked("--name", name, 63);
}

/**
 * Checks a hostname: the kernel takes up to 64 bytes of anything, programs expect less. hostname(7)
 * @throws {CanError} CAN-003
 */
export function checkHostname(name: string): string {
  return checked("--hostname", name, 64);
}

function checked(option: string, name: string, charactersMax: number): string {
  if (/^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/.test(name) && name.length <= charactersMax) return name;
  const wanted = `1 to ${charactersMax} letters, digits, '_', '.' and '-', beginning with a letter or digit`;
  throw badValue({ option, text: name, wanted, example: "crab" });
}
