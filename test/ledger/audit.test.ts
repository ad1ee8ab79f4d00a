import * as fs from "node:fs"
import { join } from "node:path"
import pg from "pg"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { verifyFile } from "../../src/cli/audit.ts"
import {
  newSigningKey,
  openCheckpoint,
  parseVerifierKey,
  signerOf,
  verifierKey
} from "../../src/domain/checkpoint.ts"
import { verifyConsistency, verifyInclusion } from "../../src/domain/merkle.ts"
import { auditExport, type AuditLine } from "../../src/ledger/auditExport.ts"
import { gatewayReceivable, merchantPending } from "../../src/ledger/chart.ts"
import { hashOfEntry } from "../../src/ledger/leaf.ts"
import { checkpointOf, consistencyOf, receiptOf } from "../../src/ledger/receipt.ts"
import { appendCommitted } from "../../src/ledger/tree.ts"
import type { Booked } from "../../src/ledger/journal.ts"
import { eventually, testFolder } from "../support/lastro.ts"
import { type Journals, startJournals } from "../support/journals.ts"
import { query } from "../support/query.ts"

const signer = signerOf(newSigningKey())
const key = verifierKey(signer)
const debit = gatewayReceivable("simulator", 0, "BRL")

const booked = (index: number, merchant = "acme"): Booked => ({
  entry: {
    id: `je_${String((index * 7_919) % 1_000_003).padStart(26, "0")}`,
    kind: "capture",
    paymentId: `pay_${index % 400}`,
    postings: [
      { layer: "posted", debit, credit: merchantPending(merchant, "BRL"), amount: 100n },
      { layer: "posted", debit, credit: merchantPending("other", "BRL"), amount: BigInt(index + 1) }
    ]
  },
  partition: 0,
  merchant,
  seq: index,
  at: 1_700_000_000_000 + index
})

let journals: Journals
let folder: string
const TOTAL = 700

const appendAll = async (entriesMax: number) => {
  let appended = 0
  for (;;) {
    const one = await appendCommitted(journals.db, signer, {
      entriesMax,
      time: "2026-01-01T00:00:00Z"
    })
    if (one === 0) return appended
    appended += one
  }
}

/** Until so many are covered: a turn under way in any database of the server holds the sequencer back. */
const appendUntil = (total: number, entriesMax: number) =>
  eventually(async () => {
    await appendAll(entriesMax)
    return (await note()).size >= total ? true : undefined
  }, 60_000)

const exported = async () => {
  const lines: Array<AuditLine> = []
  for await (const page of auditExport((run) => run(journals.db))) lines.push(...page)
  return lines
}

let made = 0
const verdictOf = async (
  lines: ReadonlyArray<unknown>,
  keys: ReadonlyArray<string> = [key],
  pinned?: string
) => {
  const file = join(folder, `${made++}.jsonl`)
  fs.writeFileSync(file, lines.map((line) => JSON.stringify(line) + "\n").join(""))
  return await verifyFile(file, keys, pinned)
}

beforeAll(async () => {
  journals = await startJournals()
  folder = testFolder("audit")
  for (let first = 0; first < TOTAL; first += 70) {
    await journals.write(Array.from({ length: 70 }, (_, index) => booked(first + index)))
    // Sizes that end within tiles, at their edges and beyond several.
    if (first % 210 === 0) await appendAll(33)
  }
  await appendUntil(TOTAL, 256)
})
afterAll(async () => {
  await journals.stop()
  fs.rmSync(folder, { recursive: true, force: true })
})

const note = async (size?: number) => (await checkpointOf(journals.db, size))!
const opened = (text: string) => openCheckpoint(parseVerifierKey(key)!, text)!

describe("the tree over the journal", () => {
  test("holds every entry once, and an untouched export is as it was signed", async () => {
    const lines = await exported()
    const ids = lines.flatMap((line) => (line.type === "entry" ? [line.id] : []))
    expect(ids).toHaveLength(TOTAL)
    expect(new Set(ids).size).toBe(TOTAL)
    expect(await verdictOf(lines)).toMatchObject({ covered: TOTAL, problems: [] })
    // Without a key of one's own, the file's is believed.
    expect(await verdictOf(lines, [])).toMatchObject({ problems: [] })
  })

  test("proves every entry of a payment", async () => {
    for (const paymentId of ["pay_0", "pay_255", "pay_399"]) {
      const receipt = (await receiptOf(journals.db, "acme", paymentId))!
      const { root, size } = opened(receipt.checkpoint.note)
      expect(receipt.entries.length).toBe(paymentId === "pay_399" ? 1 : 2)
      for (const { entry, position, proof } of receipt.entries) {
        const hashes = proof.map((hash) => Buffer.from(hash, "base64"))
        expect(verifyInclusion(hashOfEntry(entry), position, size, hashes, root)).toBe(true)
        const changed = { ...entry, kind: "refund" }
        expect(verifyInclusion(hashOfEntry(changed), position, size, hashes, root)).toBe(false)
      }
    }
    expect((await receiptOf(journals.db, "globex", "pay_0"))!.entries).toEqual([])
  })

  test("proves that every tree begins with each that was signed before", async () => {
    const rows = await query(journals.databaseUrl, "select size from audit_checkpoints order by 1")
    const sizes = rows.map(({ size }) => Number(size))
    expect(sizes.length).toBeGreaterThan(10)
    const newest = sizes.at(-1)!
    for (const size of sizes) {
      const proof = (await consistencyOf(journals.db, size, newest))
        .map((hash) => Buffer.from(hash, "base64"))
      const [older, newer] = [opened((await note(size)).note), opened((await note()).note)]
      expect(verifyConsistency(older, newer, proof)).toBe(true)
    }
  })
})

type Entry = Extract<AuditLine, { type: "entry" }>
const places = (lines: ReadonlyArray<AuditLine>) =>
  lines.flatMap((line, index) => (line.type === "entry" ? [index] : []))
const renumbered = (lines: ReadonlyArray<AuditLine>) => {
  let position = 0
  return lines.map((line) => (line.type === "entry" ? { ...line, position: position++ } : line))
}
const at = (lines: ReadonlyArray<AuditLine>, position: number) => places(lines)[position]!
const changed = (line: Entry): Entry => ({
  ...line,
  entry: {
    ...line.entry!,
    postings: line.entry!.postings.map((one) => ({ ...one, amount: `${BigInt(one.amount) + 1n}` }))
  }
})
const rehashed = (line: Entry): Entry => ({
  ...line,
  leaf: Buffer.from(hashOfEntry(line.entry!)).toString("base64")
})

const forgeries: ReadonlyArray<
  readonly [string, (lines: Array<AuditLine>) => ReadonlyArray<AuditLine>, RegExp]
> = [
  [
    "an amount is changed",
    (lines) => lines.with(at(lines, 300), changed(lines[at(lines, 300)] as Entry)),
    /^entry 300 .* was changed$/
  ],
  [
    "an amount and its hash are changed",
    (lines) => lines.with(at(lines, 300), rehashed(changed(lines[at(lines, 300)] as Entry))),
    /are not those that were signed/
  ],
  [
    "an entry is taken out",
    (lines) => lines.toSpliced(at(lines, 300), 1),
    /^entries 300 to 300 are missing$/
  ],
  [
    "an entry is taken out and the rest renumbered",
    (lines) => renumbered(lines.toSpliced(at(lines, 300), 1)),
    /are not those that were signed/
  ],
  [
    "an entry is added",
    (lines) =>
      renumbered(
        lines.toSpliced(at(lines, 300), 0, rehashed(changed(lines[at(lines, 5)] as Entry)))
      ),
    /are not those that were signed/
  ],
  [
    "two entries change places",
    (lines) =>
      lines.with(at(lines, 300), lines[at(lines, 301)]!).with(
        at(lines, 301),
        lines[at(lines, 300)]!
      ),
    /^entry 300 .* stands where entry 302 belongs$|^entries 300 to 300 are missing$/
  ],
  [
    "two entries change places and numbers",
    (lines) =>
      renumbered(
        lines.with(at(lines, 300), lines[at(lines, 301)]!).with(
          at(lines, 301),
          lines[at(lines, 300)]!
        )
      ),
    /are not those that were signed/
  ],
  [
    "an entry is told twice",
    (lines) => lines.toSpliced(at(lines, 300), 0, lines[at(lines, 300)]!),
    /stands where entry 301 belongs$/
  ],
  [
    "the end is cut off",
    (lines) => lines.slice(0, at(lines, TOTAL - 1)),
    /are not covered by any checkpoint$/
  ],
  [
    "checkpoints are left out",
    (lines) => lines.filter(({ type }) => type !== "checkpoint"),
    /are not covered by any checkpoint$/
  ],
  [
    "a checkpoint is changed",
    (lines) =>
      lines.map((line) =>
        line.type === "checkpoint" ? { ...line, note: line.note.replace(/\n\d+\n/, "\n7\n") } : line
      ),
    /is not signed by the key$/
  ],
  [
    "a line is garbage",
    (lines) => lines.toSpliced(at(lines, 300), 0, "x" as never),
    /cannot be read$/
  ],
  ["the header is missing", (lines) => lines.slice(1), /^the header is missing$/]
]

describe("an export is found false where", () => {
  test.each(forgeries)("%s", async (_name, forge, says) => {
    const lines = forge(await exported())
    const { problems } = await verdictOf(lines)
    expect(problems.join("\n")).toMatch(new RegExp(says, "m"))
  })

  test("the whole of it is made anew with another key", async () => {
    const forger = signerOf(newSigningKey())
    const lines = (await exported()).map((line) =>
      line.type === "header" ? { ...line, keys: [verifierKey(forger)] } : line
    )
    const { problems } = await verdictOf(lines)
    expect(problems).toEqual([])
    // The genuine checkpoints are of another key than the forger's.
    expect((await verdictOf(lines, [verifierKey(forger)])).problems.join("\n")).toMatch(
      /not signed/
    )
  })

  test("a checkpoint kept from earlier is of another tree, or is not in it", async () => {
    const lines = await exported()
    const kept = (await note(66)).note
    expect((await verdictOf(lines, [key], kept)).problems).toEqual([])
    const without = lines.filter((line) => line.type !== "checkpoint" || line.note !== kept)
    expect((await verdictOf(without, [key], kept)).problems).toEqual([
      "the kept checkpoint of 66 entries is not in the file"
    ])
  })
})

describe("a journal that was changed behind our back is found", () => {
  const tampered = async (statement: string, back: string, values: Array<unknown>) => {
    await query(journals.databaseUrl, statement, values)
    const { problems } = await verdictOf(await exported())
    await query(journals.databaseUrl, back, values)
    expect((await verdictOf(await exported())).problems).toEqual([])
    return problems
  }
  const victim = booked(321).entry.id

  test("an amount", async () => {
    const set = (amount: string) =>
      `update postings set amount = ${amount} where entry_id = $1 and line = 1`
    expect(await tampered(set("amount + 1"), set("amount - 1"), [victim]))
      .toEqual([expect.stringMatching(/^entry \d+ \(je_\d+\) was changed$/)])
  })

  test("any column of an entry or of a posting", async () => {
    const columns = await query(
      journals.databaseUrl,
      `select table_name as "table", column_name as name, data_type as type
       from information_schema.columns
       where table_name in ('journal_entries', 'postings')
         -- The tree itself holds the order; the other three are names.
         and column_name not in ('transaction_id', 'position', 'line', 'id', 'entry_id')`
    ) as ReadonlyArray<{ table: string; name: string; type: string }>
    expect(columns.length).toBeGreaterThan(10)
    for (const { name, table, type } of columns) {
      const odd = name === "layer" ? "'pending'" : type === "text" ? "'odd'" : `${name} + 1`
      const where = table === "postings" ? "entry_id = $1 and line = 0" : "id = $1"
      const [{ before }] = await query(
        journals.databaseUrl,
        `select ${name} as before from ${table} where ${where}`,
        [victim]
      ) as [{ before: unknown }]
      await query(journals.databaseUrl, `update ${table} set ${name} = ${odd} where ${where}`, [
        victim
      ])
      const { problems } = await verdictOf(await exported())
      expect([name, problems]).toEqual([name, [expect.stringMatching(/was changed$/)]])
      await query(journals.databaseUrl, `update ${table} set ${name} = $2 where ${where}`, [
        victim,
        before
      ])
    }
    expect((await verdictOf(await exported())).problems).toEqual([])
  })

  test("an entry taken away", async () => {
    const set = (id: string) => `update journal_entries set id = ${id} where id in ($1, $1 || 'x')`
    const problems = await tampered(set("$1 || 'x'"), set("$1"), [victim])
    expect(problems.filter((one) => /was removed$/.test(one))).toHaveLength(1)
    expect(problems.filter((one) => /was added: the tree/.test(one))).toHaveLength(1)
  })

  test("an entry pushed in among the old ones", async () => {
    expect(
      await tampered(
        `insert into journal_entries
          (id, merchant, payment_id, kind, partition, seq, at_millis, transaction_id)
          select $1 || 'x', merchant, payment_id, kind, partition, seq, at_millis, transaction_id
          from journal_entries where id = $1`,
        "delete from journal_entries where id = $1 || 'x'",
        [victim]
      )
    ).toContain(`entry ${victim}x was added: the tree does not know it`)
  })
})

describe("the sequencer", () => {
  test("passes no entry whose turn is still being written", async () => {
    const before = (await note()).size
    const slow = new pg.Client({ connectionString: journals.databaseUrl })
    await slow.connect()
    await slow.query("begin")
    await slow.query(
      `insert into journal_entries (id, merchant, payment_id, kind, partition, seq, at_millis)
       values ('je_slow', 'acme', 'pay_slow', 'capture', 0, 1, 1)`
    )
    await journals.write([booked(10_001)])
    expect(await appendAll(100)).toBe(0)
    expect((await receiptOf(journals.db, "acme", booked(10_001).entry.paymentId))!.uncovered)
      .toEqual([booked(10_001).entry.id])
    await slow.query("commit")
    await slow.end()
    await appendUntil(before + 2, 100)
    expect((await note()).size).toBe(before + 2)
    const ids = (await exported()).flatMap((line) => (line.type === "entry" ? [line.id] : []))
    expect(ids.slice(-2)).toEqual(["je_slow", booked(10_001).entry.id])
  })

  test("appends each entry once when several run at the same time", async () => {
    const before = (await note()).size
    let writing = true
    // Of different lengths: who is late must not take back what another appended meanwhile.
    const appender = async (entriesMax: number) => {
      while (writing) {
        await appendCommitted(journals.db, signer, { entriesMax, time: "t" }).catch(() => 0)
      }
    }
    const appenders = [appender(50), appender(7), appender(3)]
    for (let turn = 0; turn < 20; turn++) {
      await journals.write(
        Array.from({ length: 9 }, (_, index) => booked(20_000 + turn * 9 + index))
      )
    }
    writing = false
    await Promise.all(appenders)
    await appendUntil(before + 180, 1_000)
    expect((await note()).size).toBe(before + 180)
    expect(await verdictOf(await exported())).toMatchObject({ problems: [], covered: before + 180 })
  })

  test("refuses to go on in a database whose transactions are numbered anew", async () => {
    const set = "update audit_tree set last_transaction = ($1 || '')::xid8"
    const [{ last }] = await query(
      journals.databaseUrl,
      "select last_transaction::text as last from audit_tree"
    ) as [{ last: string }]
    await query(journals.databaseUrl, set, ["99999999999"])
    await expect(appendAll(10)).rejects.toThrow(/logical copy/)
    await query(journals.databaseUrl, set, [last])
    expect(await appendAll(10)).toBe(0)
  })
})
