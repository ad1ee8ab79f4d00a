import * as fs from "node:fs"
import { describe, expect, it } from "vitest"
import { laterWords } from "../../actors/payments/laterWords.ts"
import { payoutMoves } from "../../actors/payments/wallet/payout.ts"
import { moves, transitions } from "../../actors/payments/payment/moves.ts"
import { Status } from "../../actors/payments/payment/state.ts"

const page = fs.readFileSync("docs/payments.md", "utf8")

/** What stands between two marks of the page. */
const between = (name: string): ReadonlyArray<string> => {
  const part = page.split(`<!-- ${name} -->`)[1]
  if (part === undefined) throw new Error(`docs/payments.md has no ${name}`)
  return part.trim().split("\n")
}

describe("docs/payments.md", () => {
  it("shows the table of states that the code keeps to", () => {
    expect(between("moves")).toEqual([
      "| from | why | to |",
      "|---|---|---|",
      ...moves.map(([from, why, to]) => `| \`${from}\` | ${why} | \`${to}\` |`)
    ])
  })

  it("shows how a payout goes", () => {
    expect(between("payout moves")).toEqual([
      "| from | why | to |",
      "|---|---|---|",
      ...payoutMoves.map(([from, why, to]) => `| \`${from}\` | ${why} | \`${to}\` |`)
    ])
  })

  it("shows what a gateway's later word does", () => {
    const listed = (names: ReadonlyArray<string>) => names.map((name) => `\`${name}\``).join(", ")
    expect(between("later words")).toEqual([
      "| operation | later word | becomes | books | tells |",
      "|---|---|---|---|---|",
      ...laterWords.map(([operation, word, becomes, books, tells]) =>
        `| ${operation} | ${word} | ${becomes} | ${listed(books)} | ${listed(tells)} |`
      )
    ])
  })

  it("names the states that end a payment", () => {
    const ends = Status.literals.filter((status) => transitions[status].length === 0)
    expect(between("ends")).toEqual([ends.map((status) => `\`${status}\``).join(", ")])
  })
})
