import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { OPERATION_LINES_MAX } from "../actors/reconciliation/state.ts"
import { canonicalJson } from "../src/domain/canonicalJson.ts"
import type { SettlementRow } from "../src/simulators/card/book.ts"
import { type BreakKind, header, settlementFile } from "../src/simulators/card/settlement.ts"
import { PARTITIONS } from "../streams/mailboxes.ts"
import {
  addressed,
  after,
  breaksOf,
  contradiction,
  csvLine,
  cutUp,
  DAY,
  emitted,
  eventOf,
  house,
  NOON,
  partsOf,
  payoutContradiction,
  planted,
  settlementRow,
  settlementRows,
  shuffled,
  SOURCE
} from "./support/settlement.ts"

describe("what is found follows from events and lines, not from their order", () => {
  it("gives the same findings for any order, with repeats", () => {
    fc.assert(fc.property(
      settlementRows.chain((rows) =>
        fc.tuple(planted, fc.integer({ min: 1, max: 4 })).chain(([breaks, parts]) => {
          const { text } = settlementFile(DAY, rows, breaks)
          const messages = [...rows.map(eventOf), ...cutUp(partsOf(text, parts, "file"))]
          return fc.record({
            inOrder: fc.constant(messages),
            anyOrder: shuffled([...messages, ...messages])
          })
        })
      ),
      ({ anyOrder, inOrder }) => {
        expect(after(anyOrder).findings()).toEqual(after(inOrder).findings())
      }
    ))
  })

  it("lets a later file of the day restate an earlier one, whichever is read first", () => {
    fc.assert(fc.property(
      settlementRows.chain((rows) =>
        fc.record({
          rows: fc.constant(rows),
          breaks: planted.map((breaks) => new Map([...breaks, ["unexpected" as const, 0]]))
        })
      ).chain(({ breaks, rows }) => {
        const files = cutUp([
          ...partsOf(settlementFile(DAY, rows, breaks).text, 2, "first"),
          ...partsOf(settlementFile(DAY, rows, new Map()).text, 1, "second")
        ])
        return shuffled([...rows.map(eventOf), ...files])
      }),
      (messages) => {
        expect(breaksOf(after(messages))).toEqual([])
      }
    ))
  })

  it("keeps a bounded number of one operation's lines and counts the rest", () => {
    const copies = OPERATION_LINES_MAX + 50
    const body = Array.from({ length: copies }, (_, line) => csvLine({ line: String(line) }))
    const files = cutUp(partsOf([header, ...body].join("\n"), 10, "file"))
    fc.assert(
      fc.property(shuffled(files), (messages) => {
        const end = after(messages)
        const [operation] = [...end.states.values()].filter(({ _tag }) => _tag === "Operation")
        expect(operation).toMatchObject({ uncounted: 50 })
        expect(end.findings()).toHaveLength(OPERATION_LINES_MAX)
        expect(end.findings()).toEqual(after(files).findings())
      }),
      { numRuns: 5 }
    )
  })
})

describe("breaks", () => {
  it("are what was planted in the file and nothing else", () => {
    fc.assert(fc.property(
      settlementRows,
      planted,
      fc.integer({ min: 1, max: 4 }),
      (rows, breaks, parts) => {
        const file = settlementFile(DAY, rows, breaks)
        const end = after([...rows.map(eventOf), ...cutUp(partsOf(file.text, parts, "file"))])
        expect(breaksOf(end)).toEqual(
          file.planted.map((one) => `${one.kind} ${one.merchant} ${one.charge_id}`).sort()
        )
        const matched = end.findings().filter(({ tag }) => tag === "Matched")
        const lost = file.planted.filter(({ kind }) => kind === "missing" || kind === "amount")
        expect(matched).toHaveLength(rows.length - lost.length)
        for (const { actual_amount, expected_amount } of matched) {
          expect(actual_amount).toBe(expected_amount)
        }
      }
    ))
  })

  it("wait for the file to be whole where the other side may still come", () => {
    const rows: ReadonlyArray<SettlementRow> = [0, 1, 2, 3].map((index) => ({
      merchant: "acme",
      payment_id: `pay_${index}`,
      charge_id: `ch_${index}`,
      kind: "charge",
      currency: "BRL",
      amount: 100,
      at_millis: NOON
    }))
    const kinds: ReadonlyArray<BreakKind> = ["missing", "unexpected", "amount", "duplicate"]
    const file = settlementFile(DAY, rows, new Map(kinds.map((kind) => [kind, 1])))
    const end = after([...rows.map(eventOf), ...cutUp(partsOf(file.text, 1, "file"))])
    const waits = end.findings().flatMap(({ break_kind, date, waits }) =>
      break_kind === undefined ? [] : [[break_kind, waits, date]]
    )
    expect(waits.sort()).toEqual([
      ["amount", false, DAY],
      ["duplicate", false, DAY],
      ["missing", true, DAY],
      ["unexpected", true, DAY]
    ])
  })

  it("heal when the event comes after the line", () => {
    const row = settlementRow("BRL", 100)
    const end = after(cutUp(partsOf(settlementFile(DAY, [row], new Map()).text, 1, "file")))
    expect(breaksOf(end)).toEqual(["unexpected acme ch_1"])
    end.take(eventOf(row, 1))
    expect(breaksOf(end)).toEqual([])
  })

  it("tell a currency apart from an amount", () => {
    const file = settlementFile(DAY, [settlementRow("USD", 100)], new Map())
    const end = after([
      eventOf(settlementRow("BRL", 100), 1),
      ...cutUp(partsOf(file.text, 1, "file"))
    ])
    expect(end.findings()).toMatchObject([{
      break_kind: "amount",
      currency: "BRL",
      actual_currency: "USD",
      reason: "the charge is 1.00 BRL, but line 1 of set_20260831 says 1.00 USD"
    }])
  })

  it("are made at once by a charge the gateway had denied, whatever the order of its reports", () => {
    const reports = [contradiction("evt_b", "ch_9"), contradiction("evt_a", "ch_9")]
    for (const messages of [reports, [...reports].reverse()]) {
      expect(after(messages).findings()).toMatchObject([
        { break_kind: "unexpected", waits: false, date: DAY, reason: "said by evt_a" }
      ])
    }
  })

  it("are of the operation at the gateway that said so, whatever the payment's gateway is by now", () => {
    const refund = contradiction("evt_a", "re_1", { gateway: "first", operation: "refund" })
    const end = after([refund, contradiction("evt_b", "ch_1")])
    expect([...end.states.keys()].sort()).toEqual([
      `acme/charge:${SOURCE}:ch_1`,
      "acme/refund:first:re_1"
    ])
  })

  it("are made at once by a payout of which the gateway says something else", () => {
    const end = after([payoutContradiction("evt_a", "tr_1"), payoutContradiction("evt_a", "tr_1")])
    expect(end.findings()).toMatchObject([{
      break_kind: "unexpected",
      waits: false,
      payment_id: "po_1",
      currency: "BRL",
      reason: "paid less"
    }])
  })
})

describe("a settlement file", () => {
  it("closes its day in every partition once, with the last of its parts to arrive", () => {
    fc.assert(fc.property(
      fc.integer({ min: 1, max: 6 }).chain((parts) => {
        const lines = Array.from({ length: 20 }, (_, line) => csvLine({ line: String(line) }))
        return shuffled(partsOf([header, ...lines].join("\n"), parts, "file"))
      }),
      (parts) => {
        const source = house()
        const closes = parts.map((part) =>
          source.take(part).emit.filter(({ type }) => type === "close")
        )
        expect(closes.slice(0, -1).flat()).toEqual([])
        expect(closes.at(-1)!.map(({ key, partition }) => [key, partition])).toEqual(
          Array.from({ length: PARTITIONS }, (_, partition) => [SOURCE, partition])
        )
        for (const part of parts) {
          expect(source.take(part)).toEqual({ refused: undefined, emit: [], changed: false })
        }
      }
    ))
  })

  it("is refused where a part comes again with another content", () => {
    const source = house()
    const part = (body: string, more = {}) =>
      addressed(SOURCE, "file", {
        command_id: "file",
        source: SOURCE,
        date: DAY,
        format: "csv",
        part: 1,
        parts: 2,
        body,
        ...more
      })
    expect(source.take(part("no header")).refused).toBe("unreadable_file")
    expect(source.take(part(header)).refused).toBeUndefined()
    expect(source.take(part(`${header}\n${csvLine({})}`)).refused).toBe("file_differs")
    expect(source.take(part(header, { part: 2, date: "2026-09-01" })).refused).toBe("file_differs")
    expect(source.take(part(header, { part: 2, parts: 3 })).refused).toBe("file_differs")
    expect(source.take({ ...part(header), merchant: "acme" }).refused).toBe("source_differs")
  })

  it("reaches each merchant in messages that fit, with every line once", () => {
    const merchants = ["acme", "globex"]
    const lines = Array.from({ length: 5_000 }, (_, line) =>
      csvLine({
        line: String(line),
        merchant: merchants[line % 2]!,
        charge_id: `ch_${line}`.padEnd(100, "x")
      }))
    const matches = house().take(partsOf([header, ...lines].join("\n"), 1, "f".repeat(255))[0]!)
      .emit.filter(({ type }) => type === "match")
    expect(matches.length).toBeGreaterThan(2)
    for (const { body } of matches) {
      expect(Buffer.byteLength(canonicalJson(body))).toBeLessThan(400_000)
    }
    const sent = matches.flatMap(({ body, key }) =>
      (body as { lines: ReadonlyArray<{ line: number }> }).lines.map(({ line }) => `${key} ${line}`)
    )
    expect(sent.sort()).toEqual(lines.map((_, line) => `${merchants[line % 2]} ${line}`).sort())
  })

  it("tells its unreadable lines and uses the others", () => {
    const body = [
      header,
      csvLine({ line: "1" }),
      csvLine({ line: "2", gross: "1.0\u0000" }),
      "rubbish",
      csvLine({ line: "4", currency: "EURO" }),
      csvLine({ line: "5", charge_id: "ch_2" })
    ]
    const source = house()
    const { emit } = source.take(partsOf(body.join("\n"), 1, "file")[0]!)
    expect(source.rows).toMatchObject([
      { _tag: "Malformed", row: 3, reason: "gross is not valid: 1.0?" },
      { _tag: "Malformed", row: 4, reason: "has 1 fields, the header has 11" },
      { _tag: "Malformed", row: 5, reason: "currency is not valid: EURO" }
    ])
    expect(after(emitted(emit)).findings().map(({ charge_id }) => charge_id)).toEqual([
      "ch_1",
      "ch_2"
    ])
  })

  it("of rubbish only does not swell the list of breaks", () => {
    const source = house()
    source.take(partsOf([header, ...Array(10_000).fill("x")].join("\n"), 1, "file")[0]!)
    expect(source.rows).toHaveLength(201)
    expect(source.rows.at(-1)).toMatchObject({
      row: 202,
      reason: "9800 lines from here on cannot be read"
    })
  })
})
