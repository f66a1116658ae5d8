/** Every command in the README and the labs works as it stands there. */
import { afterAll, beforeAll, expect } from "bun:test";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { ROOT } from "../support/launch.ts";
import { keepLedger } from "../support/ledger.ts";
import { test } from "../support/privileged.ts";

keepLedger();
const IMAGE = "/tmp/rootfs";
const PLACE = `${IMAGE}-readme-${process.pid}`;
const FILES = ["README.md", "labs/README.md"];
/** What .ci/run does itself: a test cannot install the packages that it runs on, or run itself. */
const BY_CI = ["npm ci", "npm start", "npm test"];
/** Everything else exits 0, but these, whose status is told in the text beside them. */
const STATUS: Readonly<Record<string, number>> = {
  "bin/bun phases/1-spawn.ts sh -c 'echo my PID is $$; exit 3'": 3,
  "sudo bin/bun phases/4-fence.ts --memory 64M /tmp/rootfs tail /dev/zero": 137,
  "diff phases/2-isolation.ts phases/3-jail.ts": 1,
};
const SHOWS: Readonly<Record<string, string>> = {
  "sudo bin/bun phases/4-fence.ts --memory 64M /tmp/rootfs tail /dev/zero":
    "crab-can: killed: out of memory (limit 64 MiB, peak 64 MiB)",
};

function commandsOf(file: string): string[] {
  const text = readFileSync(`${ROOT}/${file}`, "utf8");
  const blocks = [...text.matchAll(/^```sh\n([\s\S]*?)^```/gm)].map(([, block]) => block ?? "");
  return blocks.flatMap((block) => block.split("\n")).filter((line) => line !== "");
}

beforeAll(() => rmSync(PLACE, { recursive: true, force: true }));
afterAll(() => rmSync(PLACE, { recursive: true, force: true }));

for (const command of FILES.flatMap(commandsOf)) {
  test(`README: ${command}`, async () => {
    const ci = readFileSync(`${ROOT}/.ci/run`, "utf8").split("\n");
    if (command.split(" && ").every((part) => BY_CI.includes(part))) {
      for (const part of command.split(" && "))
        expect([ci.includes(part), ci.includes(`leg ${part}`)]).toContain(true);
      return;
    }
    // Root needs no sudo, and the reader's /tmp/rootfs is none of the tests' business.
    const line = command.replace(/^sudo /, "").replaceAll(IMAGE, PLACE);
    const child = Bun.spawn(["sh", "-c", line], {
      cwd: ROOT,
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
    const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
    expect({ status: await child.exited, stdout, stderr }).toMatchObject({ status: STATUS[command] ?? 0 });
    expect(stdout + stderr).toContain(SHOWS[command] ?? "");
  });
}

test("every file that the README points to is there", () => {
  for (const file of [...FILES, "CONTRIBUTING.md"]) {
    const links = [...readFileSync(`${ROOT}/${file}`, "utf8").matchAll(/\]\(([^)#]+)\)/g)].map(
      ([, link]) => link ?? "",
    );
    const folder = file.includes("/") ? `${file.slice(0, file.lastIndexOf("/"))}/` : "";
    for (const link of links.filter((target) => !target.startsWith("http"))) {
      expect({ link, there: existsSync(`${ROOT}/${folder}${link}`) }).toEqual({ link, there: true });
    }
  }
});
