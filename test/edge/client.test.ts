import * as fs from "node:fs"
import { resolve } from "node:path"
import { pathToFileURL } from "node:url"
import ts from "typescript"
import { afterAll, beforeAll, expect, test } from "vitest"
import { writeClient } from "../../client/write.ts"
import { startTestLastro, type TestLastro } from "../support/lastro.ts"

const EXAMPLE = resolve("client/example.ts")
const GENERATED = resolve("client/generated")

let one: TestLastro
beforeAll(async () => {
  await writeClient(GENERATED)
  one = await startTestLastro()
})
afterAll(() => one.stop())

/** The example with one mistake each, that a compiler has to find. */
const mistakes: ReadonlyArray<readonly [string, string, string]> = [
  ["a member of a body that is misspelt", "amount: 10_000", "amont: 10_000"],
  ["an amount that is text", "amount: 10_000", 'amount: "100.00"'],
  ["a member of an answer that is none", "amount_captured", "amount_captred"],
  ["a state that no payment has", 'status: "captured"', 'status: "paid"'],
  ["an address that is none", '"/v1/payments/{id}/refunds"', '"/v1/payments/{id}/refund"'],
  ["no Idempotency-Key", '"Idempotency-Key": "client-refund-1", ', ""]
]

test("the example compiles against the generated client, and with a mistake it does not", () => {
  const example = fs.readFileSync(EXAMPLE, "utf8")
  const wrong = mistakes.map(([, right, mistake], index) => {
    expect(example).toContain(right)
    const file = resolve(GENERATED, `mistake${index}.ts`)
    const text = example.replace(right, mistake).replace("./generated/client.ts", "./client.ts")
    fs.writeFileSync(file, text)
    return file
  })
  const { options } = ts.parseJsonConfigFileContent(
    ts.readConfigFile("tsconfig.json", ts.sys.readFile).config,
    ts.sys,
    resolve(".")
  )
  const program = ts.createProgram([EXAMPLE, ...wrong], options)
  const found = (file: string) =>
    program.getSemanticDiagnostics(program.getSourceFile(file))
      .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, "\n"))
  expect(found(EXAMPLE)).toEqual([])
  const unseen = mistakes.filter((_, index) => found(wrong[index]!).length === 0)
  expect(unseen.map(([what]) => what)).toEqual([])
})

test("the generated client makes, reads, refunds and lists a payment", async () => {
  const { paymentsLife } = await import(pathToFileURL(EXAMPLE).href)
  const life = await paymentsLife(one.url, await one.key("typed"))
  expect(life).toEqual({
    id: life.id,
    captured: 10_000,
    refunded: 2_500,
    listed: [life.id],
    missing: "payment_not_found"
  })
})
