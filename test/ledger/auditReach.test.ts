import * as fs from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, expect, test } from "vitest"
import { verifyFile } from "../../src/cli/audit.ts"
import {
  newSigningKey,
  openCheckpoint,
  parseVerifierKey,
  signerOf,
  verifierKey
} from "../../src/domain/checkpoint.ts"
import { verifyConsistency, verifyInclusion } from "../../src/domain/merkle.ts"
import { auditExport } from "../../src/ledger/auditExport.ts"
import { gatewayReceivable, merchantPending } from "../../src/ledger/chart.ts"
import { hashOfEntry } from "../../src/ledger/leaf.ts"
import { checkpointOf, consistencyOf, receiptOf } from "../../src/ledger/receipt.ts"
import { appendCommitted } from "../../src/ledger/tree.ts"
import {
  type Evidence,
  EVIDENCE_LAG_MILLIS_MAX,
  evidenceFault,
  evidenceOf,
  evidenceSentence
} from "../../src/ledger/evidence.ts"
import type { Booked } from "../../src/ledger/journal.ts"
import { type Journals, startJournals } from "../support/journals.ts"
import { eventually, testFolder } from "../support/lastro.ts"
import { query } from "../support/query.ts"

const signer = signerOf(newSigningKey())
const key = verifierKey(signer)
/** On both sides of every number that has one digit more than the one before. */
const SIZES = [1, 9, 10, 11, 99, 100, 101, 998, 999, 1_000, 1_001, 9_998, 9_999, 10_000, 10_001]

let journals: Journals
let folder: string

const entry = (nth: number): Booked => ({
  entry: {
    id: `je_${String(nth).padStart(26, "0")}`,
    kind: "capture",
    paymentId: `pay_${nth}`,
    postings: [{
      layer: "posted",
      debit: gatewayReceivable("simulator", 0, "BRL"),
      credit: merchantPending("acme", "BRL"),
      amount: BigInt(1 + nth % 7)
    }]
  },
  partition: 0,
  merchant: "acme",
  seq: nth,
  at: 1_700_000_000_000 + nth
})

const opened = (note: string) => openCheckpoint(parseVerifierKey(key)!, note)!

/** Until so many are signed: a turn under way in any database of the server holds the sequencer back. */
const signUntil = (size: number) =>
  eventually(async () => {
    await appendCommitted(journals.db, signer, {
      entriesMax: size,
      time: new Date().toISOString()
    })
    const [row] = await query(journals.databaseUrl, "select size::int as size from audit_tree")
    return row!["size"] === size ? true : undefined
  }, 60_000)

const exported = async (): Promise<string> => {
  const file = join(folder, "audit.jsonl")
  const lines: Array<string> = []
  for await (const page of auditExport((run) => run(journals.db))) {
    lines.push(...page.map((line) => JSON.stringify(line)))
  }
  fs.writeFileSync(file, lines.join("\n"))
  return file
}

beforeAll(async () => {
  journals = await startJournals()
  folder = testFolder("audit-reach")
})
afterAll(async () => {
  await journals.stop()
  fs.rmSync(folder, { recursive: true, force: true })
})

test.each(SIZES)("the checkpoint that is served is of all %i entries", async (size) => {
  const before = SIZES[SIZES.indexOf(size) - 1] ?? 0
  await journals.write(Array.from({ length: size - before }, (_, nth) => entry(before + nth)))
  await signUntil(size)
  const served = (await checkpointOf(journals.db))!
  expect(served.size).toBe(size)
  const { root } = opened(served.note)
  for (const nth of [0, before, size - 1]) {
    const receipt = (await receiptOf(journals.db, "acme", `pay_${nth}`))!
    expect([receipt.uncovered, receipt.entries.length]).toEqual([[], 1])
    const [{ entry: leaf, position, proof }] = receipt.entries as [typeof receipt.entries[number]]
    const hashes = proof.map((hash) => Buffer.from(hash, "base64"))
    expect(verifyInclusion(hashOfEntry(leaf), position, size, hashes, root)).toBe(true)
  }
})

test("each tree that was signed is the beginning of the newest", async () => {
  const newest = (await checkpointOf(journals.db))!
  for (const size of SIZES) {
    const older = (await checkpointOf(journals.db, size))!
    expect(older.size).toBe(size)
    const proof = (await consistencyOf(journals.db, size, newest.size))
      .map((hash) => Buffer.from(hash, "base64"))
    expect(verifyConsistency(opened(older.note), opened(newest.note), proof)).toBe(true)
  }
})

test(
  "an export reaches to the last entry, and a posting changed anywhere in it is found",
  async () => {
    const all = SIZES.at(-1)!
    expect(await verifyFile(await exported(), [key])).toMatchObject({
      covered: all,
      entries: all,
      checkpoints: SIZES.length,
      problems: []
    })
    for (const nth of [8, 98, 998, 1_000, 9_998, all - 1]) {
      const { id } = entry(nth).entry
      const set = (amount: string) => `update postings set amount = ${amount} where entry_id = $1`
      await query(journals.databaseUrl, set("amount + 1"), [id])
      expect((await verifyFile(await exported(), [key])).problems)
        .toEqual([`entry ${nth} (${id}) was changed`])
      await query(journals.databaseUrl, set("amount - 1"), [id])
    }
  },
  60_000
)

const NOW = Date.parse("2026-11-30T12:00:00.000Z")
const ago = (millis: number) => new Date(NOW - millis).toISOString()
const seen = (about: Partial<Evidence>): Evidence => ({
  entries: 6_326,
  covered: 6_326,
  signed_at: ago(500),
  uncovered_since: null,
  at: ago(0),
  ...about
})
const LATE = EVIDENCE_LAG_MILLIS_MAX + 1_000

test.each([
  ["all is covered, however long ago", seen({ signed_at: ago(LATE) }), undefined],
  ["an empty journal", seen({ entries: 0, covered: 0, signed_at: null }), undefined],
  [
    "the first entries wait for the next signature",
    seen({ covered: 6_000, signed_at: ago(LATE), uncovered_since: ago(900) }),
    undefined
  ],
  [
    "old messages were decided just now",
    seen({ covered: 6_000, uncovered_since: ago(LATE) }),
    undefined
  ],
  [
    "nothing is signed any more",
    seen({ covered: 998, signed_at: ago(LATE), uncovered_since: ago(LATE) }),
    /^the signed tree ends after 998 of 6326 entries, and nothing was signed for 61.0 s/
  ],
  [
    "nothing was ever signed",
    seen({ covered: 0, signed_at: null, uncovered_since: ago(LATE) }),
    /^the signed tree ends after 0 of 6326 entries/
  ],
  [
    "entries were removed",
    seen({ entries: 6_325 }),
    /^6326 entries were signed, and the journal holds 6325: some were removed$/
  ]
])("evidence where %s", (_name, evidence, fault) => {
  if (fault === undefined) expect(evidenceFault(evidence)).toBeUndefined()
  else expect(evidenceFault(evidence)).toMatch(fault)
})

test("an export says how far it reaches, and is found wanting where signatures stopped", async () => {
  const all = SIZES.at(-1)!
  expect(evidenceFault(await evidenceOf(journals.db))).toBeUndefined()
  const whole = await verifyFile(await exported(), [key])
  expect(evidenceSentence(whole.evidence!)).toMatch(
    new RegExp(`^${all} of the journal's ${all} entries .*, which was \\d+\\.\\d s old$`)
  )
  // Signed so long ago, and an entry decided since.
  await query(
    journals.databaseUrl,
    "delete from audit_checkpoints where size > 998"
  )
  await query(
    journals.databaseUrl,
    "update audit_checkpoints set note = regexp_replace(note, '\\n20[^\\n]*Z', E'\\n2026-01-01T00:00:00Z')"
  )
  const evidence = await evidenceOf(journals.db)
  expect(evidence).toMatchObject({
    entries: all,
    covered: 998,
    signed_at: "2026-01-01T00:00:00Z",
    uncovered_since: new Date(entry(998).at).toISOString()
  })
  expect((await verifyFile(await exported(), [key])).problems.at(-1))
    .toMatch(new RegExp(`the signed tree ends after \\d+ of ${all} entries`))
})
