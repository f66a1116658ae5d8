/**
 * Steps 4 and 5, configure and exec. Runs in the init process: PID 1 of a new PID namespace, root, in the
 * host's other namespaces until it leaves them here. Nothing of the container's runs before the last line.
 */
import { CanError } from "../can-error.ts";
import { assembleHostRoot } from "../image/host.ts";
import { SyscallError } from "../libc/call.ts";
import { CLONE, MOUNT_ATTR } from "../libc/constants.ts";
import { setNoNewPrivileges, setSeccompFilter, setUser } from "../libc/credentials.ts";
import { umask } from "../libc/file.ts";
import { mountSetattr, sethostname, unshare } from "../libc/namespace.ts";
import { dieWithParent } from "../libc/process.ts";
import { joinCgroup, openFence } from "../linux/cgroup/cgroup.ts";
import { mountConsole, mountDev } from "../linux/dev.ts";
import { containerEnvironment } from "../linux/environment.ts";
import { dropInheritance, execvp } from "../linux/exec.ts";
import { InRoot } from "../linux/in-root.ts";
import { bringLoopbackUp } from "../linux/loopback.ts";
import { bindOntoItself, makeMountsPrivate, mountProc, mountSys, pivotRoot } from "../linux/mounts.ts";
import { keepOnly } from "./capabilities.ts";
import { mountCgroupView } from "./cgroup-view.ts";
import type { ContainerConfig } from "./config.ts";
import type { ContainerJob } from "./job.ts";
import { protectKernelFiles } from "./protect.ts";
import { seccompFilter } from "./seccomp.ts";
import { settleStreams } from "./streams.ts";
import { lookUpUser } from "./user.ts";
import { mountVolumes, openVolumes } from "./volumes.ts";

/**
 * Turns this process into the container's command.
 * @throws {CanError} {SyscallError} when that is not possible; then the command has not run
 */
export function becomeContainer({ config, fence, view, terminal }: ContainerJob): never {
  umask(0);
  leaveHostNamespaces(config);
  makeMountsPrivate();
  const rootfs = furnishRootfs(config, { view, terminal });
  if (config.readOnly) mountSetattr({ path: rootfs, set: MOUNT_ATTR.MOUNT_ATTR_RDONLY });
  const cgroup = openFence(fence); // out of reach after the next line
  pivotRoot(rootfs);
  joinCgroup(cgroup); // from here on everything counts
  unshare(CLONE.CLONE_NEWCGROUP);
  return becomeCommand(config);
}

/** Descriptors of the host's directories are open in here only: after pivot_root they would be ways out. */
function furnishRootfs(
  config: ContainerConfig,
  { view, terminal }: Pick<ContainerJob, "view" | "terminal">,
): string {
  using volumes = openVolumes(config.volumes);
  const rootfs = prepareRootfs(config);
  using root = new InRoot(rootfs);
  mountProc(root.mountPoint("proc"));
  mountSys(root.mountPoint("sys"));
  root.mountPoint("dev");
  mountDev(root.locate);
  if (view !== undefined) mountCgroupView(root, view);
  protectKernelFiles(root);
  mountVolumes(root, volumes);
  for (const [path, type] of [
    ["proc", "proc"],
    ["sys", "sysfs"],
    ["dev", "tmpfs"],
  ] as const) {
    root.mounted(path, type)[Symbol.dispose](); // a volume may not have taken its place
  }
  if (terminal !== undefined) mountConsole(root.locate, terminal);
  return rootfs;
}

function leaveHostNamespaces({ network, hostname }: ContainerConfig): void {
  const net = network === "none" ? CLONE.CLONE_NEWNET : 0;
  unshare(CLONE.CLONE_NEWNS | CLONE.CLONE_NEWUTS | CLONE.CLONE_NEWIPC | net);
  sethostname(hostname);
  if (network === "none") bringLoopbackUp();
}

function prepareRootfs({ image, hostname, network }: ContainerConfig): string {
  if (image.kind === "host") return assembleHostRoot({ hostname, network });
  bindOntoItself(image.rootfs);
  // Devices that somebody makes in the image, say the host's disk with mknod(2), cannot be opened.
  mountSetattr({ path: image.rootfs, set: MOUNT_ATTR.MOUNT_ATTR_NODEV, recursive: true });
  return image.rootfs;
}

function becomeCommand({
  command,
  user,
  workdir,
  capabilities,
  environment,
  hostname,
}: ContainerConfig): never {
  const { uid, gid, groups, home } = lookUpUser(user);
  enterWorkdir(workdir);
  settleStreams();
  dropInheritance();
  keepOnly(capabilities, { uid, become: () => setUser({ uid, gid, groups }) });
  dieWithParent("SIGKILL"); // again: a change of user has undone it
  setNoNewPrivileges();
  setSeccompFilter(seccompFilter(capabilities));
  return execvp(command, containerEnvironment({ HOME: home, HOSTNAME: hostname, ...environment }));
}

/** Not a plain chdir(2): a link of a hostile image could lead it through /proc/self/fd to what is still open. */
function enterWorkdir(workdir: string): void {
  try {
    using root = new InRoot("/");
    root.enter(workdir);
  } catch (error) {
    if (!(error instanceof SyscallError)) throw error;
    throw new CanError({
      code: "CAN-042",
      headline: `cannot start in ${workdir}: the image has no such directory`,
      call: error.message,
      help: ["name one that is there, or make it in the image"],
    });
  }
}
