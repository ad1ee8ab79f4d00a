import { spawnSync } from "node:child_process"
import * as fs from "node:fs"
import { dirname, relative, resolve } from "node:path"
import { pathToFileURL } from "node:url"
import ts from "typescript"
import { nodesOf } from "./sources.ts"

/**
 * `deno task coverage`: every test, with a short simulation, while Deno writes down what runs, in processes
 * that tests start, too, unless they were killed; then a table by folder here and HTML by file in `coverage/`.
 * A statement is covered where its first line ran; what no test ever loads counts as never run.
 */
const STATEMENTS_MIN = 90
const FOLDERS = ["src", "actors", "streams"]
const FOLDERS_DEEP = 2
const FOLDER = resolve("coverage")
const RAW = `${FOLDER}/raw`
const LCOV = `${FOLDER}/lcov.info`

const deno = (args: ReadonlyArray<string>, environment: Readonly<Record<string, string>> = {}) =>
  spawnSync("deno", [...args], { stdio: "inherit", env: { ...process.env, ...environment } })
    .status ?? 1

interface Counted {
  readonly total: number
  readonly covered: number
}

interface Ran {
  readonly lines: Map<number, number>
  readonly branches: Counted
}

/** What ran of each file, from the report that Deno writes. */
const readReport = (text: string): ReadonlyMap<string, Ran> =>
  new Map(
    text.split("end_of_record").filter((part) => part.includes("SF:")).map((part) => {
      const taken = [...part.matchAll(/^BRDA:.*,(\d+|-)$/gm)].map(([, count]) => Number(count))
      return [/^SF:(.*)$/m.exec(part)![1]!, {
        lines: new Map(
          [...part.matchAll(/^DA:(\d+),(\d+)/gm)].map(([, line, count]) => [+line!, +count!])
        ),
        branches: { total: taken.length, covered: taken.filter((count) => count > 0).length }
      }]
    })
  )

/** Lines on which a statement begins that does something when it runs. */
const statementsOf = (file: string): ReadonlyArray<number> => {
  const tree = ts.createSourceFile(
    file,
    fs.readFileSync(file, "utf8"),
    ts.ScriptTarget.Latest,
    true
  )
  return nodesOf(tree).filter((node) =>
    (ts.isStatement(node) && !ts.isBlock(node) && !ts.isTypeAliasDeclaration(node) &&
      !ts.isInterfaceDeclaration(node) && !ts.isImportDeclaration(node) &&
      !ts.isExportDeclaration(node) && !ts.isFunctionDeclaration(node) &&
      !ts.isEmptyStatement(node)) ||
    // What a function answers is a statement, also where it is written without a `return`.
    (ts.isArrowFunction(node.parent ?? node) && (node.parent as ts.ArrowFunction).body === node &&
      !ts.isBlock(node))
  ).map((node) => tree.getLineAndCharacterOfPosition(node.getStart()).line + 1)
}

const sourcesBelow = (folder: string): ReadonlyArray<string> =>
  fs.readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts")).map((name) => resolve(folder, name))

const countedOf = (file: string, ran: Ran | undefined) => {
  const statements = statementsOf(file)
  return {
    file: relative(".", file),
    statements: {
      total: statements.length,
      covered: statements.filter((line) => (ran?.lines.get(line) ?? 0) > 0).length
    },
    branches: ran?.branches ?? { total: 0, covered: 0 }
  }
}

const percent = (parts: ReadonlyArray<Counted>): number => {
  const total = parts.reduce((sum, part) => sum + part.total, 0)
  const covered = parts.reduce((sum, part) => sum + part.covered, 0)
  return total === 0 ? 100 : (100 * covered) / total
}

const report = (files: ReadonlyArray<ReturnType<typeof countedOf>>): number => {
  const line = (name: string, parts: typeof files) => {
    const columns = [parts.map((one) => one.statements), parts.map((one) => one.branches)]
    return `${name.padEnd(28)} ${
      columns.map((one) => percent(one).toFixed(1).padStart(6)).join(" ")
    }`
  }
  const folders = Map.groupBy(
    files,
    ({ file }) => dirname(file).split("/").slice(0, FOLDERS_DEEP).join("/")
  )
  console.log(`${"folder".padEnd(28)} state-  branches, %`)
  for (const [folder, parts] of [...folders].sort(([one], [other]) => (one < other ? -1 : 1))) {
    console.log(line(folder, parts))
  }
  console.log(line("all", files))
  return percent(files.map(({ statements }) => statements))
}

fs.rmSync(FOLDER, { recursive: true, force: true })
fs.mkdirSync(RAW, { recursive: true })
const tests = deno(["run", "-A", "npm:vitest", "run", ...process.argv.slice(2)], {
  DENO_COVERAGE_DIR: RAW,
  LASTRO_INTERLEAVINGS: "200"
})
const sources = FOLDERS.flatMap(sourcesBelow)
// The report asks for what Deno made of each source, which workers with other flags do not leave behind.
deno(["cache", "--quiet", ...sources])
const ours = `^${pathToFileURL(resolve(".")).href}/(${FOLDERS.join("|")})/`
const counted = deno(["coverage", RAW, `--include=${ours}`, "--lcov", `--output=${LCOV}`])
if (counted !== 0) process.exit(counted)
deno(["coverage", "--quiet", RAW, `--include=${ours}`, "--html"])
const ran = readReport(fs.readFileSync(LCOV, "utf8"))
const statements = report(sources.map((file) => countedOf(file, ran.get(file))))
fs.cpSync(`${RAW}/html`, `${FOLDER}/html`, { recursive: true })
fs.rmSync(RAW, { recursive: true })
console.log(`every file: ${FOLDER}/html/index.html`)
if (statements < STATEMENTS_MIN) {
  console.log(
    `${statements.toFixed(1)} % of statements are covered, ${STATEMENTS_MIN} % are asked for`
  )
}
process.exit(tests !== 0 ? tests : statements < STATEMENTS_MIN ? 1 : 0)
