/** `crab-can demo`: a container on the built-in image that shows its walls from within. */
import { parseBareCommand } from "../command-line.ts";
import { runCommand } from "./run.ts";

const SCRIPT = `
echo "hostname    $(hostname)"
echo "processes"
ps -e -o pid,comm
echo "root        $(echo /*)"
for limit in /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes; do
  [ -r $limit ] && echo "memory      limit $(cat $limit) bytes"
done
echo "network     $(cd /sys/class/net && echo *)"
`;

/** Runs the demonstration; the same as typing the `crab-can run` line that it prints. */
export async function demoCommand(words: readonly string[]): Promise<number> {
  if (parseBareCommand("crab-can demo", words) === undefined) return 0;
  const options = ["--hostname", "crab", "--memory", "64M", "--pids", "64"];
  console.info(`$ crab-can run ${options.join(" ")} host sh -c '…'\n`);
  return runCommand([...options, "host", "sh", "-c", SCRIPT]);
}
