/** The parser of /proc/PID/mountinfo. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type Mount, mountOf, parseMountinfo, readMounts } from "../../src/linux/mountinfo.ts";
import { MACHINES } from "../support/unit-fixtures.ts";

/** What the kernel does to a path before it shows it: seq_path(), mangle() in fs/proc_namespace.c. */
function escaped(text: string): string {
  return text.replaceAll(/[ \t\n\\#]/g, (c) => `\\${c.charCodeAt(0).toString(8).padStart(3, "0")}`);
}

function lineOf(mount: Mount): string {
  const { id, parentId, root, mountPoint, options, propagation, type, source, superOptions } = mount;
  const optional = propagation.map((tag) => `${tag} `).join("");
  return (
    `${id} ${parentId} 0:25 ${escaped(root)} ${escaped(mountPoint)} ${options.join(",")} ${optional}` +
    `- ${type} ${escaped(source)} ${superOptions.join(",")}`
  );
}

const pathOf = fc.array(fc.string({ unit: "binary", maxLength: 12 })).map((parts) => `/${parts.join("/")}`);
const word = fc.stringMatching(/^[a-z][a-z0-9_=.]{0,11}$/);
const mounts: fc.Arbitrary<Mount> = fc.record({
  id: fc.nat(),
  parentId: fc.nat(),
  root: pathOf,
  mountPoint: pathOf,
  options: fc.array(word, { minLength: 1, maxLength: 5 }),
  propagation: fc.subarray(["shared:5", "master:31", "propagate_from:2", "unbindable", "future:1"]),
  type: word,
  source: fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom("", "-", "none", "//server/my share")),
  superOptions: fc.array(word, { minLength: 1, maxLength: 5 }),
});

describe("parseMountinfo", () => {
  test("gives back any mount that the kernel could write", () => {
    fc.assert(
      fc.property(fc.array(mounts, { maxLength: 5 }), (list) => {
        expect(parseMountinfo(`${list.map(lineOf).join("\n")}\n`)).toEqual(list);
      }),
    );
  });

  test("reads the example of proc_pid_mountinfo(5)", () => {
    const line = "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue";
    expect(parseMountinfo(line)).toEqual([
      {
        id: 36,
        parentId: 35,
        root: "/mnt1",
        mountPoint: "/mnt2",
        options: ["rw", "noatime"],
        propagation: ["master:1"],
        type: "ext3",
        source: "/dev/root",
        superOptions: ["rw", "errors=continue"],
      },
    ]);
  });

  test("turns space, tab, newline and backslash back, once", () => {
    const line = "1 0 0:1 / /a\\040b\\011c\\012d\\134040e rw - tmpfs tmpfs rw";
    expect(parseMountinfo(line)[0]?.mountPoint).toBe("/a b\tc\nd\\040e");
  });

  test("tells an optional field from the separator, however many there are", () => {
    const line = "1 0 0:1 / /x rw shared:1 master:2 propagate_from:3 - tmpfs - rw";
    expect(parseMountinfo(line)[0]).toMatchObject({
      propagation: ["shared:1", "master:2", "propagate_from:3"],
      source: "-",
    });
  });

  test("leaves out lines that are none, and never throws", () => {
    expect(parseMountinfo("\n36 35 98:0 /mnt1\n\n1 2 3 4 5 6 7 8\n")).toEqual([]);
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) =>
        expect(Array.isArray(parseMountinfo(text))).toBe(true),
      ),
    );
  });

  test.each(Object.entries(MACHINES))("reads every line of a %s machine", (_, { mountinfo }) => {
    const lines = mountinfo.split("\n").filter((line) => line !== "");
    const parsed = parseMountinfo(mountinfo);
    expect(parsed.map(({ id }) => `${id} `)).toEqual(lines.map((line) => `${line.split(" ")[0]} `));
    expect(parsed.some(({ mountPoint }) => mountPoint === "/")).toBeTrue();
  });

  test("reads this very machine's mounts", () => {
    expect(readMounts().find(({ mountPoint }) => mountPoint === "/proc")?.type).toBe("proc");
  });
});

describe("mountOf", () => {
  const table = parseMountinfo(
    [
      "1 0 0:1 / / rw - ext4 a rw",
      "2 1 0:2 / /home rw - ext4 b rw",
      "3 2 0:3 / /home/crab rw - ext4 c rw",
      "4 2 0:4 / /home/crab rw - tmpfs d rw",
    ].join("\n"),
  );

  test.each([
    ["/", 1],
    ["/etc", 1],
    ["/homeless", 1],
    ["/home", 2],
    ["/home/cr", 2],
    ["/home/crab", 4],
    ["/home/crab/shell", 4],
  ] as const)("%s lies on mount %d", (path, id) => {
    expect(mountOf(table, path)?.id).toBe(id);
  });

  test("there is none when nothing is mounted", () => {
    expect(mountOf([], "/")).toBeUndefined();
  });
});
