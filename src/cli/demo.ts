/** `crab-can demo`: a container on the built-in image that shows its walls from within. */
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
export function demoCommand(): Promise<number> {
  const options = ["--hostname", "crab", "--memory", "64M", "--pids", "64"];
  console.info(`$ crab-can run ${options.join(" ")} host sh -c '…'\n`);
  return runCommand([...options, "host", "sh", "-c", SCRIPT]);
}
