import {
  balances,
  disputesByStatus,
  openCount,
  outcomes,
  owedByPayment
} from "../../store/outcomes.ts"
import type { Db } from "../../store/database.ts"

/** What the siege did to payments that were made. */
export interface Deeds {
  readonly captures: number
  readonly voids: number
  readonly refunds: number
  readonly disputes: number
  /** Payments of which the gateway said something else later. */
  readonly turned: number
}

export interface SiegeReport extends Deeds {
  readonly payments: number
  readonly statuses: Readonly<Record<string, number>>
  /** Payments, operations and disputes whose outcome is still open. */
  readonly stuck: number
  readonly charged_twice: ReadonlyArray<string>
  /** How disputes stand, at the gateway and here. */
  readonly disputes_by_status: Readonly<Record<string, number>>
  /** What the gateway owes by its own book and by our ledger, minor units by currency. */
  readonly gateway: Readonly<Record<string, string>>
  readonly ledger: Readonly<Record<string, string>>
  /** Payments for which the two say something else. */
  readonly differing: number
  readonly examples: ReadonlyArray<string>
  /** Money in suspense, each contradiction listed as a break. */
  readonly suspense: Readonly<Record<string, string>>
  readonly contradictions: number
  readonly breaks: number
  readonly unlisted: number
  readonly seconds: number
  readonly ok: boolean
}

interface Owed {
  readonly payment_id: string
  readonly currency: string
  readonly amount: number
}

const RECEIVABLE = "assets:gateway:simulator:receivable:"
const EXAMPLES_MAX = 5

const owedBy = async (gateway: string): Promise<ReadonlyArray<Owed>> =>
  (await fetch(`${gateway}/owed`)).json()

const totalsOf = (owed: ReadonlyArray<Owed>): Readonly<Record<string, string>> => {
  const totals = new Map<string, bigint>()
  for (const { amount, currency } of owed) {
    totals.set(currency, (totals.get(currency) ?? 0n) + BigInt(amount))
  }
  return Object.fromEntries(
    [...totals].sort(([one], [other]) => one < other ? -1 : 1).filter(([, sum]) => sum !== 0n).map((
      [name, sum]
    ) => [name, String(sum)])
  )
}

const same = (left: object, right: object) => JSON.stringify(left) === JSON.stringify(right)

/** Both books say the same, and whatever contradicts them is listed. */
export const booksAgree = async (db: Db, gateway: string): Promise<boolean> =>
  same(totalsOf(await owedBy(gateway)), await balances(db, RECEIVABLE)) &&
  (await outcomes(db)).unlisted === 0

/** Payment by payment: what one book has and the other has not, or has otherwise. */
const differences = async (db: Db, owed: ReadonlyArray<Owed>): Promise<ReadonlyArray<string>> => {
  const ours = new Map(await owedByPayment(db, RECEIVABLE))
  const differing = owed.flatMap(({ amount, payment_id }) => {
    const known = ours.get(payment_id) ?? 0n
    ours.delete(payment_id)
    return known === BigInt(amount) ? [] : [`${payment_id}: ${amount} there, ${known} here`]
  })
  const strange = [...ours].filter(([, amount]) => amount !== 0n)
  return [...differing, ...strange.map(([id, amount]) => `${id}: nothing there, ${amount} here`)]
}

export const reportOf = async (
  db: Db,
  gatewayUrl: string,
  payments: number,
  deeds: Deeds,
  begun: number
): Promise<SiegeReport> => {
  const owed = await owedBy(gatewayUrl)
  const { charged_twice } = await (await fetch(`${gatewayUrl}/book`)).json() as {
    readonly charged_twice: ReadonlyArray<string>
  }
  const { known, open } = await openCount(db)
  const { breaks, contradictions, statuses, unlisted } = await outcomes(db)
  const gateway = totalsOf(owed)
  const ledger = await balances(db, RECEIVABLE)
  const differing = await differences(db, owed)
  const stuck = open + payments - known
  return {
    payments: known,
    statuses,
    ...deeds,
    disputes_by_status: await disputesByStatus(db),
    stuck,
    charged_twice,
    gateway,
    ledger,
    differing: differing.length,
    examples: differing.slice(0, EXAMPLES_MAX),
    suspense: await balances(db, "liabilities:suspense:simulator:"),
    contradictions,
    breaks,
    unlisted,
    seconds: (Date.now() - begun) / 1_000,
    ok: stuck === 0 && charged_twice.length === 0 && same(gateway, ledger) &&
      differing.length === 0 && unlisted === 0
  }
}
