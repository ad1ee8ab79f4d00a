import { spawnSync } from "node:child_process"
import * as fs from "node:fs"
import { dirname, relative, resolve } from "node:path"

/**
 * `deno task coverage`: every test under Node 24, which writes down what ran, in processes that tests start,
 * too, unless they were killed; then a table by folder here and HTML by file in `coverage/`. Node runs the
 * sources as they are, so that what is counted needs no map back to them.
 */
const STATEMENTS_MIN = 90
const FOLDER = resolve("coverage")

const node = (args: ReadonlyArray<string>, environment: Readonly<Record<string, string>> = {}) =>
  spawnSync("npx", ["-y", "-p", "node@24", "--", "node", ...args], {
    stdio: "inherit",
    env: { ...process.env, ...environment }
  }).status ?? 1

interface Counted {
  readonly total: number
  readonly covered: number
}
type Summary = Readonly<
  Record<string, { readonly statements: Counted; readonly branches: Counted }>
>

const FOLDERS_DEEP = 2

const folderOf = (file: string): string =>
  dirname(relative(".", file)).split("/").slice(0, FOLDERS_DEEP).join("/")

const percent = (parts: ReadonlyArray<Counted>): number => {
  const total = parts.reduce((sum, part) => sum + part.total, 0)
  const covered = parts.reduce((sum, part) => sum + part.covered, 0)
  return total === 0 ? 100 : (100 * covered) / total
}

const report = (summary: Summary): number => {
  const files = Object.entries(summary).filter(([file]) => file !== "total")
  const folders = Map.groupBy(files, ([file]) => folderOf(file))
  const line = (name: string, parts: ReadonlyArray<Summary[string]>) =>
    `${name.padEnd(28)} ${
      percent(parts.map(({ statements }) => statements)).toFixed(1).padStart(6)
    } ` +
    `${percent(parts.map(({ branches }) => branches)).toFixed(1).padStart(6)}`
  console.log(`${"folder".padEnd(28)} state-  branches, %`)
  for (const [folder, known] of [...folders].sort(([one], [other]) => (one < other ? -1 : 1))) {
    console.log(line(folder, known.map(([, parts]) => parts)))
  }
  const all = files.map(([, parts]) => parts)
  console.log(line("all", all))
  return percent(all.map(({ statements }) => statements))
}

fs.rmSync(FOLDER, { recursive: true, force: true })
const raw = `${FOLDER}/raw`
const vitest = ["node_modules/vitest/vitest.mjs", "run", "--experimental.viteModuleRunner=false"]
const tests = node([...vitest, ...process.argv.slice(2)], { NODE_V8_COVERAGE: raw })
const counted = node([
  "node_modules/c8/bin/c8.js",
  "report",
  ...["--temp-directory", raw, "--reports-dir", FOLDER],
  ...["--all", "--include", "src/**/*.ts", "--include", "actors/**", "--include", "streams/**"],
  ...["--reporter", "html", "--reporter", "json-summary"]
])
if (counted !== 0) process.exit(counted)
const statements = report(JSON.parse(fs.readFileSync(`${FOLDER}/coverage-summary.json`, "utf8")))
fs.rmSync(raw, { recursive: true })
console.log(`every file: ${FOLDER}/index.html`)
if (statements < STATEMENTS_MIN) {
  console.log(
    `${statements.toFixed(1)} % of statements are covered, ${STATEMENTS_MIN} % are asked for`
  )
}
process.exit(tests !== 0 ? tests : statements < STATEMENTS_MIN ? 1 : 0)
