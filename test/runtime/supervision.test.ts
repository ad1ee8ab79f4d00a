import * as fs from "node:fs"
import { resolve } from "node:path"
import ts from "typescript"
import { describe, expect, it } from "vitest"
import { compiled } from "../support/sources.ts"

const CASES = resolve("test/runtime/supervision.cases.ts")
const EXPECTED = /^( *)\/\/ @ts-expect-error (.*)$/

const lines = fs.readFileSync(CASES, "utf8").split("\n")
const refused = lines.flatMap((line, index) => {
  const words = EXPECTED.exec(line)?.[2]
  return words === undefined ? [] : [{ index, words }]
})

/** Beside the cases, so that their imports hold. */
const variant = (name: string, changed: ReadonlyArray<string>) => ({
  file: CASES.replace("supervision.cases", name),
  text: changed.join("\n")
})
const unexpected = refused.map(({ index }, nth) =>
  variant(`refused-${nth}`, lines.with(index, "  //"))
)
const accepted = lines.findIndex((line) => line.includes("supervision: { Away: Restart } }),"))
const claim = "  // @ts-expect-error nothing is wrong with the next line"
const claimed = variant("claimed", lines.toSpliced(accepted, 0, claim))

const program = compiled([CASES], [...unexpected, claimed])

/** What the compiler has against one file, with its lines. */
const errorsIn = (
  file: string
): ReadonlyArray<{ readonly line: number; readonly said: string }> => {
  const tree = program.getSourceFile(file)!
  return program.getSemanticDiagnostics(tree).map(({ messageText, start }) => ({
    line: tree.getLineAndCharacterOfPosition(start!).line,
    said: ts.flattenDiagnosticMessageText(messageText, "\n")
  }))
}

describe("supervision is a total function of the errors, checked by the compiler", () => {
  it("refuses every partial table and accepts every exact one", () => {
    expect(refused.length).toBe(24)
    expect(errorsIn(CASES)).toEqual([])
  })

  it("fails for each refused table where nothing expects it, and says what is wrong", () => {
    for (const [nth, { index, words }] of refused.entries()) {
      const errors = errorsIn(unexpected[nth]!.file)
      expect(errors, `line ${index + 1}: ${words}`).toHaveLength(1)
      // The line after the one that expected it, for the reason it named.
      expect(errors[0]!.line).toBe(index + 1)
      expect(errors[0]!.said).toContain(words)
    }
  })

  it("fails the check where an exact table is expected to be refused", () => {
    expect(errorsIn(claimed.file)).toHaveLength(1)
    expect(errorsIn(claimed.file)[0]!.said).toContain("Unused '@ts-expect-error' directive")
  })
})
