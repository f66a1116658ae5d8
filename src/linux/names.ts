/** Names that containers have. */
import { CanError } from "../can-error.ts";

/** A random id of twelve hexadecimal digits, as container runtimes have them. */
export function randomId(): string {
  return Buffer.from(crypto.getRandomValues(new Uint8Array(6))).toString("hex");
}

/**
 * Checks a container's name: it becomes the name of a cgroup directory.
 * @throws {CanError} CAN-003
 */
export function checkName(name: string): string {
  if (/^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,62}$/.test(name)) return name;
  throw badName(
    "--name",
    name,
    "1 to 63 letters, digits, '_', '.' and '-', beginning with a letter or digit",
  );
}

/**
 * Checks a hostname: the kernel takes up to 64 bytes of anything, programs expect less. hostname(7)
 * @throws {CanError} CAN-003
 */
export function checkHostname(name: string): string {
  if (/^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,63}$/.test(name)) return name;
  throw badName(
    "--hostname",
    name,
    "1 to 64 letters, digits, '_', '.' and '-', beginning with a letter or digit",
  );
}

function badName(option: string, text: string, wanted: string): CanError {
  return new CanError({
    code: "CAN-003",
    headline: `${option} ${JSON.stringify(text)} makes no sense: it takes ${wanted}`,
    help: [`for example ${option} crab`],
  });
}
