/** `npm run build`: the bundle that bin/crab-can runs, and one executable that needs nothing installed. */
import { $ } from "bun";

const entry = "src/cli/main.ts";
const root = `${import.meta.dir}/..`;

// One file starts faster than forty modules.
const bundle = await Bun.build({
  entrypoints: [`${root}/${entry}`],
  outdir: `${root}/dist`,
  naming: "crab-can.js",
  target: "bun",
  minify: { syntax: true, whitespace: true },
});
if (!bundle.success) throw new AggregateError(bundle.logs, "the bundle could not be built");

if (!process.argv.includes("--bundle-only")) {
  // The user's .env and bunfig.toml have no say in what a container runtime does.
  const quiet = ["--no-compile-autoload-dotenv", "--no-compile-autoload-bunfig"];
  await $`${process.execPath} build --compile --minify ${quiet} ${entry} --outfile dist/crab-can`.cwd(root);
}
