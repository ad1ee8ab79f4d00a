import type { TrialBalanceLine } from "../../ledger/trialBalance.ts"

/** What moved on an account, as it is kept beside the journal and as the journal adds up to. */
export interface Totals {
  readonly posted_debits: bigint
  readonly posted_credits: bigint
  readonly pending_debits: bigint
  readonly pending_credits: bigint
}

const columns = ["posted_debits", "posted_credits", "pending_debits", "pending_credits"] as const

interface Moved {
  readonly layer: string
  readonly debit_account: string
  readonly credit_account: string
  readonly amount: bigint
}

/** The journal added up anew, account by account. */
export class Books {
  private readonly accounts = new Map<string, Record<keyof Totals, bigint>>()

  add({ amount, credit_account, debit_account, layer }: Moved): void {
    const posted = layer === "posted"
    this.of(debit_account)[posted ? "posted_debits" : "pending_debits"] += amount
    this.of(credit_account)[posted ? "posted_credits" : "pending_credits"] += amount
  }

  get totals(): ReadonlyMap<string, Totals> {
    return this.accounts
  }

  /** M1: what debits exceed credits by, per layer and currency; nothing where it is balanced. */
  off(): ReadonlyArray<string> {
    const sums = new Map<string, bigint>()
    const add = (name: string, amount: bigint) => sums.set(name, (sums.get(name) ?? 0n) + amount)
    for (const [path, one] of this.accounts) {
      const currency = path.slice(path.lastIndexOf(":") + 1)
      add(`posted ${currency}`, one.posted_debits - one.posted_credits)
      add(`pending ${currency}`, one.pending_debits - one.pending_credits)
    }
    return [...sums].filter(([, sum]) => sum !== 0n).map(([name, sum]) =>
      `${name} is off by ${sum}`
    )
  }

  private of(path: string): Record<keyof Totals, bigint> {
    const known = this.accounts.get(path)
    if (known !== undefined) return known
    const made = { posted_debits: 0n, posted_credits: 0n, pending_debits: 0n, pending_credits: 0n }
    this.accounts.set(path, made)
    return made
  }
}

/** M1: what is not nothing in a trial balance. */
export const trialBalanceOff = (lines: ReadonlyArray<TrialBalanceLine>): ReadonlyArray<string> =>
  lines.flatMap((line) =>
    (["difference", "pending_difference", "journal_difference"] as const)
      .filter((name) => BigInt(line[name]) !== 0n)
      .map((name) => `${line.currency} ${name} ${line[name]}`)
  )

/** M1: where an account says something else than its journal. */
export const accountsAstray = (
  accounts: ReadonlyMap<string, Totals>,
  books: Books
): ReadonlyArray<string> =>
  [...new Set([...books.totals.keys(), ...accounts.keys()])].flatMap((path) => {
    const kept = accounts.get(path)
    if (kept === undefined) return [`${path} has postings and no balance`]
    const journal = books.totals.get(path)
    return columns.filter((column) => kept[column] !== (journal?.[column] ?? 0n)).map((column) =>
      `${path}: ${column} ${kept[column]}, the journal says ${journal?.[column] ?? 0n}`
    )
  })
