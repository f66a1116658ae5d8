/** What a container may use, and how users write it. */
import { badValue, CanError } from "../../can-error.ts";

export interface Limits {
  /** RAM in bytes; swap is switched off along with it, so that the limit bites. */
  readonly memoryBytesMax?: number;
  /** Processors, e.g. 0.5 for half of one. */
  readonly cpusMax?: number;
  /** Processes and threads alive at once. */
  readonly pidsMax?: number;
}

/** Limits as the command line has them. */
export interface LimitTexts {
  readonly memory?: string | undefined;
  readonly cpus?: string | undefined;
  readonly pids?: string | undefined;
}

/** Below this the kernel kills the process while execve(2) still sets it up. Measured with a static program. */
export const MEMORY_BYTES_MIN = 512 * 1024;
const CPUS_MIN = 0.01;
const CPUS_MAX = 8192;
const PIDS_MAX = 4_194_304; // the kernel's PID_MAX_LIMIT
const UNITS: Readonly<Record<string, number>> = {
  "": 1,
  b: 1,
  k: 1024,
  m: 1024 ** 2,
  g: 1024 ** 3,
  t: 1024 ** 4,
};

/**
 * Reads the limits of a command line.
 * @throws {CanError} CAN-003 for nonsense, CAN-004 for a memory limit that nothing could run under
 */
export function parseLimits({ memory, cpus, pids }: LimitTexts): Limits {
  return {
    ...(memory === undefined ? {} : { memoryBytesMax: parseMemory(memory) }),
    ...(cpus === undefined ? {} : { cpusMax: parseCpus(cpus) }),
    ...(pids === undefined ? {} : { pidsMax: parsePids(pids) }),
  };
}

/**
 * Reads a size: digits, perhaps with a fraction, and b, k, m, g or t (powers of 1024), in either case.
 * @returns bytes, or undefined when it is no size
 */
export function parseBytes(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)(b|[kmgt](?:i?b)?)?$/i.exec(text);
  const unit = UNITS[match?.[2]?.charAt(0).toLowerCase() ?? ""];
  if (match?.[1] === undefined || unit === undefined) return undefined;
  const bytes = Math.floor(Number(match[1]) * unit);
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** Writes a size the way people read it: `formatBytes(67108864)` is "64 MiB". */
export function formatBytes(bytes: number): string {
  const names = ["B", "KiB", "MiB", "GiB", "TiB"];
  let value = bytes;
  let index = 0;
  // Rounded first: 1023.97 MiB must not come out as "1024.0 MiB".
  while (rounded(value) >= 1024 && index < names.length - 1) {
    value /= 1024;
    index++;
  }
  return `${Number.isInteger(value) ? value : value.toFixed(1)} ${names[index]}`;
}

function rounded(value: number): number {
  return Math.round(value * 10) / 10;
}

function parseMemory(text: string): number {
  const bytes = parseBytes(text);
  if (bytes === undefined)
    throw badValue({ option: "--memory", text, wanted: "a size such as 64M, 1G or 512k", example: "64M" });
  if (bytes >= MEMORY_BYTES_MIN) return bytes;
  throw new CanError({
    code: "CAN-004",
    headline: `--memory ${text} is less than starting a program needs`,
    notes: [
      `the least that works is ${formatBytes(MEMORY_BYTES_MIN)}; below it the kernel kills during execve`,
    ],
    help: ["give more, for example --memory 64M"],
  });
}

function parseCpus(text: string): number {
  const cpus = /^\d*\.?\d+$/.test(text) ? Number(text) : Number.NaN;
  if (cpus >= CPUS_MIN && cpus <= CPUS_MAX) return cpus;
  throw badValue({
    option: "--cpus",
    text,
    wanted: `a number of processors from ${CPUS_MIN} to ${CPUS_MAX}`,
    example: "0.5",
  });
}

function parsePids(text: string): number {
  const pids = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (pids >= 1 && pids <= PIDS_MAX) return pids;
  throw badValue({ option: "--pids", text, wanted: `a whole number from 1 to ${PIDS_MAX}`, example: "64" });
}
