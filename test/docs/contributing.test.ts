import { execFile } from "node:child_process"
import * as fs from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join, resolve } from "node:path"
import { promisify } from "node:util"
import { afterAll, beforeAll, expect, test } from "vitest"
import { ownRuntime } from "../support/startProcess.ts"

const run = promisify(execFile)

const page = fs.readFileSync("docs/contributing.md", "utf8")
const family = page.slice(page.indexOf("## A new keyed family"), page.indexOf("## Other recipes"))

/** Each block is of the file that the paragraph before it names first. */
const blocks = [...family.matchAll(/(.+?)\n\n```(ts|diff)\n(.*?)```/gs)].map(
  ([, before, kind, text]) => {
    const paragraph = before!.slice(before!.lastIndexOf("\n\n") + 1)
    const [, path] = /`([\w./]+\.ts)`/.exec(paragraph) ?? []
    return { path: path!, kind: kind!, text: text! }
  }
)

/** Lines of a difference: what stays is looked for from where the last one was found. */
const changed = (before: string, difference: string): string => {
  const lines = before.split("\n")
  let at = 0
  for (const line of difference.trimEnd().split("\n")) {
    const [sign, text] = [line[0], line.slice(1)]
    if (sign === "+") {
      lines.splice(at++, 0, text)
      continue
    }
    const found = lines.indexOf(text, at)
    if (found < 0) throw new Error(`there is no line ${JSON.stringify(text)} any more`)
    if (sign === "-") lines.splice(found, 1)
    at = sign === "-" ? found : found + 1
  }
  return lines.join("\n")
}

const copy = fs.mkdtempSync(join(tmpdir(), "lastro-family-"))
const SOURCES = ["src", "actors", "streams", "migrations", "test/support", "test/simulation"]
const FILES = ["deno.json", "deno.lock", "package.json", "tsconfig.json", "vitest.config.ts"]

beforeAll(() => {
  for (const path of [...SOURCES, ...FILES]) {
    fs.cpSync(path, join(copy, path), { recursive: true })
  }
  fs.symlinkSync(resolve("node_modules"), join(copy, "node_modules"))
  for (const { kind, path, text } of blocks) {
    const file = join(copy, path)
    fs.mkdirSync(dirname(file), { recursive: true })
    fs.writeFileSync(
      file,
      kind === "ts" ? text : changed(fs.readFileSync(file, "utf8"), text)
    )
  }
})
afterAll(() => fs.rmSync(copy, { recursive: true }))

test("the page's family is whole: a folder, messages, a migration, and a line in each list", () => {
  expect(blocks.map(({ kind, path }) => `${kind} ${path}`)).toEqual([
    "ts streams/messages/points.ts",
    "diff streams/mailboxes.ts",
    "diff streams/events.ts",
    "ts actors/points/state.ts",
    "ts actors/points/decide.ts",
    "ts actors/points/store.ts",
    "ts migrations/0900_points.ts",
    "diff migrations/index.ts",
    "ts actors/points/actor.ts",
    "diff actors/register.ts",
    "ts test/points/decide.test.ts"
  ])
})

test("it compiles with everything that reads the register", async () => {
  const tsc = resolve("node_modules/typescript/bin/tsc")
  const { stdout } = await run(process.execPath, [...ownRuntime.slice(1), tsc, "-p", copy], {
    cwd: copy
  }).catch((error) => error)
  expect(stdout).toBe("")
})

test("its own test passes there", async () => {
  const vitest = resolve("node_modules/vitest/vitest.mjs")
  const { stdout } = await run(
    process.execPath,
    [...ownRuntime.slice(1), vitest, "run", "test/points/decide.test.ts"],
    { cwd: copy }
  ).catch((error) => error)
  expect(stdout).toContain("1 passed")
})
