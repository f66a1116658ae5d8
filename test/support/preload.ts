/** Never a silent skip: a plain `bun test` says loudly, at its end, what it could not check. */
import { afterAll } from "bun:test";
import { shellQuote } from "../../src/diagnostics/root.ts";
import { IS_ROOT } from "./privileged.ts";

afterAll(() => {
  if (IS_ROOT) return;
  const lines = [
    "NOT CHECKED: everything that needs root: namespaces, pivot_root, cgroups, cleaning up.",
    "What passed says nothing about them. To check them, type:",
    `    sudo ${shellQuote(process.execPath)} test/run.ts root`,
  ];
  process.stderr.write(`\n${lines.map((line) => `!!! ${line}`).join("\n")}\n\n`);
});
