/** Says what the fence has stopped. Read from the cgroup on the host side, after the end. */

import { SIGNALS } from "../libc/constants.ts";
import type { CgroupUsage } from "../linux/cgroup/dialect.ts";
import { formatBytes, type Limits } from "../linux/cgroup/limits.ts";
import type { WaitStatus } from "../linux/wait-status.ts";
import { tell } from "./stderr.ts";

/**
 * Tells on stderr when the kernel killed for memory or refused processes.
 * @param usage what the cgroup counted
 */
export function reportLimits(status: WaitStatus, usage: CgroupUsage, limits: Limits): void {
  for (const line of describeLimits(status, usage, limits)) tell(`crab-can: ${line}\n`);
}

/** The lines of the report: none when no limit was hit. */
export function describeLimits(status: WaitStatus, usage: CgroupUsage, limits: Limits): string[] {
  const lines: string[] = [];
  if ((usage.oomKills ?? 0) > 0) {
    const whole = status.kind === "signaled" && status.signal === SIGNALS.SIGKILL;
    const what = whole ? "killed: out of memory" : `${usage.oomKills} of its processes killed: out of memory`;
    const limit =
      limits.memoryBytesMax === undefined
        ? "no limit of ours"
        : `limit ${formatBytes(limits.memoryBytesMax)}`;
    const peak = usage.memoryBytesPeak === undefined ? "" : `, peak ${formatBytes(usage.memoryBytesPeak)}`;
    lines.push(`${what} (${limit}${peak})`);
  }
  if ((usage.pidsLimitHits ?? 0) > 0 && limits.pidsMax !== undefined) {
    const times = usage.pidsLimitHits === 1 ? "once" : `${usage.pidsLimitHits} times`;
    lines.push(`new processes refused ${times} (limit ${limits.pidsMax})`);
  }
  return lines;
}
