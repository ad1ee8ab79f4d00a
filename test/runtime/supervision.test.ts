import { execFile } from "node:child_process"
import * as fs from "node:fs"
import { dirname, join, resolve } from "node:path"
import { fileURLToPath } from "node:url"
import { beforeAll, describe, expect, it } from "vitest"

const HERE = dirname(fileURLToPath(import.meta.url))
const ROOT = resolve(HERE, "../..")
const CASES = join(HERE, "supervision.cases.ts")
const EXPECTED = /^( *)\/\/ @ts-expect-error (.*)$/

/** The sources run on Node too; only this check needs `deno`. */
const deno = "deno" in process.versions ? process.execPath : "deno"

const check = (...files: ReadonlyArray<string>): Promise<Checked> =>
  new Promise((done) => {
    execFile(
      deno,
      ["check", ...files],
      { cwd: ROOT, env: { ...process.env, NO_COLOR: "1" }, maxBuffer: 2 ** 26 },
      (error, stdout, stderr) =>
        done({ code: error === null ? 0 : Number(error.code), said: stdout + stderr })
    )
  })

const lines = fs.readFileSync(CASES, "utf8").split("\n")
const refused = lines.flatMap((line, index) => {
  const words = EXPECTED.exec(line)?.[2]
  return words === undefined ? [] : [{ index, words }]
})

interface Checked {
  readonly code: number
  readonly said: string
}
let original: Checked
let variants: Checked

/** The errors the compiler reported in one variant. */
const errorsIn = (name: string): ReadonlyArray<string> =>
  variants.said.split(/^(?=TS\d+ \[ERROR\])/m)
    .filter((part) => part.startsWith("TS") && part.includes(`/${name}.ts:`))

beforeAll(async () => {
  // Not tracked, yet inside of the project: its compiler options and packages apply. Two folders
  // below the root like the original, so that its imports hold.
  fs.mkdirSync(join(ROOT, "coverage"), { recursive: true })
  const folder = fs.mkdtempSync(join(ROOT, "coverage", "supervision-"))
  const write = (name: string, changed: ReadonlyArray<string>): string => {
    const path = join(folder, `${name}.ts`)
    fs.writeFileSync(path, changed.join("\n"))
    return path
  }
  try {
    const unexpected = refused.map(({ index }, nth) =>
      write(`refused-${nth}`, lines.with(index, "  //"))
    )
    const accepted = lines.findIndex((line) => line.includes("supervision: { Away: Restart } }),"))
    const claim = "  // @ts-expect-error nothing is wrong with the next line"
    const claimed = write("claimed", lines.toSpliced(accepted, 0, claim))
    original = await check(CASES)
    variants = await check(...unexpected, claimed)
  } finally {
    fs.rmSync(folder, { recursive: true, force: true })
  }
})

describe("supervision is a total function of the errors, checked by the compiler", () => {
  it("refuses every partial table and accepts every exact one", () => {
    expect(refused.length).toBe(24)
    expect(original.said).not.toContain("ERROR")
    expect(original.code).toBe(0)
  })

  it("fails for each refused table where nothing expects it, and says what is wrong", () => {
    expect(variants.code).not.toBe(0)
    for (const [nth, { index, words }] of refused.entries()) {
      const errors = errorsIn(`refused-${nth}`)
      expect(errors, `line ${index + 1}: ${words}`).toHaveLength(1)
      // The line after the one that expected it, for the reason it named.
      expect(errors[0]).toContain(`refused-${nth}.ts:${index + 2}:`)
      expect(errors[0]).toContain(words)
    }
  })

  it("fails the check where an exact table is expected to be refused", () => {
    expect(errorsIn("claimed")).toHaveLength(1)
    expect(errorsIn("claimed")[0]).toContain("Unused '@ts-expect-error' directive")
  })
})
