/**
 * Phase 1: a process.
 *
 * Before there is a container there is a child: born, waited for, its exit status passed on. It gets an
 * environment that was chosen for it and nothing else of ours. All it could see before, it still sees.
 */
import { type Job, lesson } from "../src/lesson.ts";
import { spawnp } from "../src/linux/exec.ts";
import { Supervisor } from "../src/linux/supervise.ts";
import type { WaitStatus } from "../src/linux/wait-status.ts";

lesson({ name: "1-spawn.ts", options: [], operands: "command", outside });

async function outside({ command }: Job): Promise<WaitStatus> {
  using supervisor = new Supervisor(); // passes signals on, provides a terminal
  const child = spawnp(command, supervisor);
  return await supervisor.waitFor(child);
}
