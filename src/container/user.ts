/** Who the command runs as: looked up in the image's own /etc/passwd and /etc/group. passwd(5), group(5) */
import { readFileSync, statSync } from "node:fs";
import { CanError } from "../can-error.ts";
import { InRoot } from "../linux/in-root.ts";

export interface User {
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
  readonly home: string;
}

const ID_MAX = 2 ** 32 - 2; // the last number stands for "no change"
const FILE_BYTES_MAX = 1024 * 1024;

/**
 * Finds the user in the present root directory. Nothing named means root.
 * @param text `user`, `user:group`, each a name or a number
 * @throws {CanError} CAN-041 when a name is not in the image
 */
export function lookUpUser(text: string | undefined): User {
  return findUser(text ?? "0", readImageFile("/etc/passwd"), readImageFile("/etc/group"));
}

/** The pure part: `passwd` and `group` are the texts of the files. */
export function findUser(text: string, passwd: string, group: string): User {
  const [userText = "", groupText, ...rest] = text.split(":");
  const users = entries(passwd);
  const groups = entries(group);
  const number = idOf(userText);
  const user = users.find(([name, , uid]) =>
    number === undefined ? name === userText : Number(uid) === number,
  );
  const uid = number ?? (user === undefined ? undefined : idOf(user[2] ?? ""));
  if (uid === undefined || userText === "" || rest.length > 0)
    throw unknown("user", rest.length > 0 ? text : userText, "/etc/passwd");
  const gid = groupText === undefined ? (idOf(user?.[3] ?? "") ?? 0) : groupId(groupText, groups);
  const name = user?.[0];
  const supplementary = groups
    .filter(
      ([, , , members]) =>
        name !== undefined && groupText === undefined && members?.split(",").includes(name),
    )
    .flatMap(([, , id]) => idOf(id ?? "") ?? []);
  const named = user?.[5] ?? "";
  const home = named !== "" && !named.includes("\0") ? named : uid === 0 ? "/root" : "/";
  return { uid, gid, groups: [...new Set([gid, ...supplementary])], home };
}

function groupId(text: string, groups: readonly string[][]): number {
  const found = idOf(text) ?? idOf(groups.find(([name]) => name === text)?.[2] ?? "");
  if (found === undefined) throw unknown("group", text, "/etc/group");
  return found;
}

function idOf(text: string): number | undefined {
  return /^\d{1,10}$/.test(text) && Number(text) <= ID_MAX ? Number(text) : undefined;
}

function entries(text: string): string[][] {
  return text.split("\n").flatMap((line) => (line.includes(":") ? [line.split(":")] : []));
}

/**
 * The image may be hostile: anything but a plain file of sensible size, of the image itself and not of the kernel,
 * counts as empty. A link to /proc/kmsg would block for ever, and take the host's messages.
 */
function readImageFile(path: string): string {
  try {
    using root = new InRoot("/");
    const file = root.follow(path);
    const found = statSync(file);
    const kernelFiles = ["/proc", "/sys", "/dev"].map((place) => statSync(place).dev);
    const plain = found.isFile() && found.size <= FILE_BYTES_MAX && !kernelFiles.includes(found.dev);
    return plain ? readFileSync(file, "utf8") : "";
  } catch {
    return "";
  }
}

function unknown(kind: string, name: string, file: string): CanError {
  return new CanError({
    code: "CAN-041",
    headline: `no ${kind} ${JSON.stringify(name)} in the image`,
    notes: [`names are looked up in the image's own ${file}`],
    help: ["give the number instead, for example --user 1000:1000"],
  });
}
