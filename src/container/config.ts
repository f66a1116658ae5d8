/** Step 1, parse: from a command line's options to a configuration that is known to make sense. */
import { isAbsolute, normalize, resolve } from "node:path";
import { badValue, CanError } from "../can-error.ts";
import { type Image, resolveImage } from "../image/image.ts";
import type { Capability } from "../libc/constants.ts";
import { type Limits, parseLimits } from "../linux/cgroup/limits.ts";
import { checkHostname, checkName, randomId } from "../linux/names.ts";
import { statIfThere } from "../linux/stat.ts";
import { chooseCapabilities } from "./capabilities.ts";

export interface Volume {
  /** Absolute path on the host. */
  readonly source: string;
  /** Path in the container, without the leading "/". */
  readonly target: string;
  readonly kind: "directory" | "file";
  readonly readOnly: boolean;
}

/** A container to be, completely described. It travels to the init process as JSON. */
export interface ContainerConfig {
  readonly id: string;
  readonly hostname: string;
  readonly image: Image;
  readonly command: readonly string[];
  readonly limits: Limits;
  /** What the user adds to the chosen environment. */
  readonly environment: Readonly<Record<string, string>>;
  readonly workdir: string;
  /** As the user wrote it: name or number, perhaps ":group". Names are looked up in the image. */
  readonly user: string | undefined;
  readonly readOnly: boolean;
  readonly volumes: readonly Volume[];
  readonly network: "none" | "host";
  readonly capabilities: readonly Capability[];
  readonly explain: boolean;
}

/** Options as texts, by their long names. */
export type RunOptions = ReadonlyMap<string, readonly string[]>;

/**
 * Checks every option.
 * @param image what the user calls the image
 * @throws {CanError} CAN-003 and others that name the option
 */
export function configure(options: RunOptions, image: string, command: readonly string[]): ContainerConfig {
  const value = (name: string) => options.get(name)?.[0];
  const id = checkName(value("name") ?? randomId());
  return {
    id,
    hostname: checkHostname(value("hostname") ?? id),
    image: resolveImage(image),
    command,
    limits: parseLimits({ memory: value("memory"), cpus: value("cpus"), pids: value("pids") }),
    environment: parseEnvironment(options.get("env") ?? []),
    workdir: parseWorkdir(value("workdir") ?? "/"),
    user: value("user"),
    readOnly: options.has("read-only"),
    volumes: (options.get("volume") ?? []).map(parseVolume),
    network: parseNetwork(value("network") ?? "none"),
    capabilities: chooseCapabilities({
      add: options.get("cap-add") ?? [],
      drop: options.get("cap-drop") ?? [],
    }),
    explain: options.has("explain"),
  };
}

/** `KEY=VALUE`, or `KEY` alone for the host's value, as docker has it. */
function parseEnvironment(entries: readonly string[]): Record<string, string> {
  const environment = new Map<string, string>();
  for (const entry of entries) {
    const equals = entry.indexOf("=");
    const key = equals < 0 ? entry : entry.slice(0, equals);
    if (key === "")
      throw badValue({
        option: "--env",
        text: entry,
        wanted: "KEY=VALUE, or KEY to pass the host's value on",
        example: "LANG=C",
      });
    const own = Object.hasOwn(process.env, key) ? process.env[key] : undefined;
    const text = equals < 0 ? own : entry.slice(equals + 1);
    if (text !== undefined) environment.set(key, text);
  }
  return Object.fromEntries(environment);
}

function parseWorkdir(path: string): string {
  if (isAbsolute(path)) return normalize(path);
  throw badValue({
    option: "--workdir",
    text: path,
    wanted: "an absolute path in the container",
    example: "/tmp",
  });
}

function parseNetwork(text: string): "none" | "host" {
  if (text === "none" || text === "host") return text;
  throw badValue({
    option: "--network",
    text: text,
    wanted: "none (only lo) or host (the host's network)",
    example: "none",
  });
}

function parseVolume(text: string): Volume {
  const [source = "", target = "", mode = "rw", ...rest] = text.split(":");
  const path = normalize(target);
  const sound =
    source !== "" && isAbsolute(path) && path !== "/" && ["ro", "rw"].includes(mode) && rest.length === 0;
  if (!sound) {
    throw badValue({
      option: "--volume",
      text: text,
      wanted: "HOST:CONTAINER or HOST:CONTAINER:ro, the second absolute and not /",
      example: "./data:/data:ro",
    });
  }
  const found = statIfThere(source);
  if (found === undefined) {
    throw new CanError({
      code: "CAN-040",
      headline: `--volume ${text}: there is no ${source} on the host`,
      help: [`make it first: mkdir -p ${resolve(source)}`],
    });
  }
  return {
    source: resolve(source),
    target: path.slice(1).replace(/\/$/, ""),
    kind: found.isDirectory() ? "directory" : "file",
    readOnly: mode === "ro",
  };
}
