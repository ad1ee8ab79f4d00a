import * as fs from "node:fs"
import { describe, expect, it } from "vitest"
import type { PayoutRules } from "../../streams/messages/payouts.ts"
import { Accountant } from "../support/accountant.ts"

const FOLDER = "test/payments/postings"
const stories = fs.readdirSync(FOLDER).filter((name) => name.endsWith(".txt"))

/** 10 % of what becomes available is kept for 30 days; what is left goes out on Mondays from 10.00 on. */
const payouts: typeof PayoutRules.Type = [
  {
    currencies: ["BRL" as never],
    schedule: "weekly",
    minimum: 1_000n,
    reserve: { basis_points: 1_000, days: 30 }
  }
]

/**
 * Each file tells a payment's life: a line with `>` is what happens, the lines below it are the journal
 * entries that this causes. `UPDATE_GOLDEN=1` writes them anew, for a person to read the difference.
 */
describe("an accountant can read what every step books", () => {
  it.each(stories)("%s", (name) => {
    const file = `${FOLDER}/${name}`
    const kept = fs.readFileSync(file, "utf8")
    const accountant = new Accountant({ payouts })
    const told = kept.trimEnd().split("\n").flatMap((line) =>
      line.startsWith(">")
        ? [line, ...accountant.do(line.slice(1).trim())]
        : line.startsWith("  ")
        ? []
        : [line]
    ).join("\n") + "\n"
    if (process.env["UPDATE_GOLDEN"] === "1") {
      fs.writeFileSync(file, told)
    }
    expect(told).toBe(kept)
    expect(accountant.journal.length).toBeGreaterThan(0)
  })
})
