/** The environment a container's command starts with. Nothing of the host's is in it but TERM. */

export type Environment = Readonly<Record<string, string>>;

export const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/**
 * PATH, HOME and TERM, chosen here. TERM alone is the host's: it describes the terminal, and that is shared.
 * @param more further entries; they win
 */
export function containerEnvironment(more: Environment = {}): Environment {
  return { PATH, HOME: "/root", TERM: process.env.TERM ?? "dumb", ...more };
}
