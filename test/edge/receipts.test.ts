import * as fs from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, expect, test, vi } from "vitest"
import { audit } from "../../src/cli/audit.ts"
import { openCheckpoint, parseVerifierKey } from "../../src/domain/checkpoint.ts"
import { verifyConsistency } from "../../src/domain/merkle.ts"
import { eventually, startTestLastro, testFolder, type TestLastro } from "../support/lastro.ts"
import { leaksIn, openShop, type Shop } from "../support/shop.ts"

let one: TestLastro
let shop: Shop
let folder: string
const lines: Array<string> = []
beforeAll(async () => {
  one = await startTestLastro()
  shop = await openShop(one, "acme")
  folder = testFolder("receipts")
})
afterAll(async () => {
  vi.restoreAllMocks()
  await one.stop()
  fs.rmSync(folder, { recursive: true, force: true })
})

/** The receipt once the signed tree covers all entries of the payment. */
const receiptOf = (id: string, entries: number) =>
  eventually(async () => {
    const { json } = await shop.get(`/v1/payments/${id}/receipt`)
    return json.uncovered.length === 0 && json.entries.length >= entries ? json : undefined
  }, 40_000)

const run = async (...args: Array<string>) => {
  lines.length = 0
  vi.spyOn(console, "log").mockImplementation((line: string) => {
    lines.push(line)
  })
  vi.spyOn(console, "error").mockImplementation((line: string) => {
    lines.push(line)
  })
  const code = await audit.run(args, {
    LASTRO_DATA_DIR: one.lastro.dataDir,
    LASTRO_PORT: new URL(one.url).port
  })
  vi.restoreAllMocks()
  return { code, text: lines.join("\n") }
}

test("the signing key is its owner's only; the public key lies beside it", () => {
  const file = join(one.lastro.dataDir, "audit.key")
  expect(fs.statSync(file).mode & 0o777).toBe(0o600)
  expect(fs.readFileSync(file, "utf8")).toContain("PRIVATE KEY")
  const pub = fs.readFileSync(join(one.lastro.dataDir, "audit.pub"), "utf8")
  expect(parseVerifierKey(pub)).toBeDefined()
})

test("a payment's receipt is checked offline, and a changed one is found out", async () => {
  const { json: payment } = await shop.pay({ splits: [{ recipient: "seller", share: "0.5" }] })
  await shop.post(`/v1/payments/${payment.id}/refunds`, { amount: 1_000 })
  const receipt = await receiptOf(payment.id, 3)
  expect(receipt.entries.map(({ entry }: { entry: { kind: string } }) => entry.kind))
    .toEqual(["capture", "refund", "refund_confirmed"])
  const file = join(folder, "receipt.json")
  const pub = join(one.lastro.dataDir, "audit.pub")
  fs.writeFileSync(file, JSON.stringify(receipt))
  expect(await run("verify", file, "--key", pub)).toMatchObject({
    code: 0,
    text: expect.stringMatching(
      /^The tree of \d+ entries was signed at 20.*Z\.\n3 entries, 1 checkpoints: all as they were signed\.$/
    )
  })
  fs.writeFileSync(file, JSON.stringify(receipt, null, 2))
  expect((await run("verify", file)).text).toContain("compare it with the one you know")
  receipt.entries[0].entry.postings[0].amount = "1"
  fs.writeFileSync(file, JSON.stringify(receipt))
  const forged = await run("verify", file, "--key", pub, "--json")
  expect(forged.code).toBe(1)
  expect(JSON.parse(forged.text).problems[0]).toMatch(/is not in the signed tree$/)
})

test("the export of a running Lastro verifies against its key and a kept checkpoint", async () => {
  const { json: kept } = await one.ask(undefined, "GET", "/v1/audit/checkpoint")
  const { json: payment } = await shop.pay()
  await receiptOf(payment.id, 1)
  fs.writeFileSync(join(one.lastro.dataDir, "operator.key"), await one.operatorKey())
  const [file, note] = [join(folder, "audit.jsonl"), join(folder, "checkpoint")]
  fs.writeFileSync(note, kept.checkpoint)
  const reaches =
    /^(\d+) of the journal's \1 entries are covered by the signed tree, which was \d+\.\d s old\.$/m
  expect(await run("export", "--out", file)).toEqual({
    code: 0,
    text: expect.stringMatching(reaches)
  })
  expect(fs.readFileSync(file, "utf8")).toContain(payment.id)
  const verdict = await run("verify", file, "--key", kept.keys[0], "--checkpoint", note)
  expect(verdict).toMatchObject({
    code: 0,
    text: expect.stringMatching(/all as they were signed\.$/)
  })
  expect(verdict.text).toMatch(reaches)
  const text = fs.readFileSync(file, "utf8").replace('"kind":"refund"', '"kind":"capture"')
  fs.writeFileSync(file, text)
  expect((await run("verify", file)).text).toMatch(/entry \d+ \(je_\w+\) was changed/)
})

test("anyone may check that the tree only grew", async () => {
  const { json: before } = await one.ask(undefined, "GET", "/v1/audit/checkpoint")
  await receiptOf((await shop.pay()).json.id, 1)
  const { json: after } = await one.ask(undefined, "GET", "/v1/audit/checkpoint")
  expect(after.size).toBeGreaterThan(before.size)
  const path = `/v1/audit/consistency?first=${before.size}&second=${after.size}`
  const { json } = await one.ask(undefined, "GET", path)
  const verifier = parseVerifierKey(after.keys[0])!
  const [older, newer] = [
    openCheckpoint(verifier, json.first)!,
    openCheckpoint(verifier, json.second)!
  ]
  const proof = json.proof.map((hash: string) => Buffer.from(hash, "base64"))
  expect(verifyConsistency(older, newer, proof)).toBe(true)
  expect(verifyConsistency(older, { ...newer, root: older.root }, proof)).toBe(false)
  for (
    const [query, status] of [["", 400], ["?first=1", 400], ["?first=x&second=2", 422]] as const
  ) {
    expect((await one.ask(undefined, "GET", `/v1/audit/consistency${query}`)).status).toBe(status)
  }
  const unknown = `/v1/audit/consistency?first=999999&second=9999999`
  expect((await one.ask(undefined, "GET", unknown)).status).toBe(404)
})

test("G17: no log line holds an e-mail, a key or a card number", () => {
  expect(leaksIn(one.logs)).toEqual([])
})
