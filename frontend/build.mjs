/* Builds what the console serves. `node build.mjs --check` builds in memory and fails where a committed file differs. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const isCheck = process.argv.includes("--check");

const { outputFiles } = await build({
  absWorkingDir: dirname(fileURLToPath(import.meta.url)),
  entryPoints: { builder: "src/segments/main.tsx" },
  outdir: "../segments/static/segments",
  bundle: true,
  minify: true,
  format: "iife",
  target: "es2022",
  jsx: "automatic",
  charset: "utf8",
  legalComments: "inline",
  define: { "process.env.NODE_ENV": '"production"' },
  write: false,
});

let stale = 0;
for (const file of outputFiles) {
  const committed = await readFile(file.path, "utf8").catch(() => "");
  if (committed === file.text) continue;
  if (isCheck) {
    console.error(`${file.path} is not what its sources build: run "make frontend" and commit it.`);
    stale += 1;
  } else {
    await mkdir(dirname(file.path), { recursive: true });
    await writeFile(file.path, file.text);
    console.log(`${file.path}: ${Math.round(file.text.length / 1024)} KB`);
  }
}
process.exit(stale ? 1 : 0);
