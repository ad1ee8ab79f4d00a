import type { Balance } from "../../ledger/read.ts"
import { accountsAstray, Books, type Totals, trialBalanceOff } from "../../proof/judges/books.ts"
import { chargeAstray } from "../../proof/judges/charges.ts"
import { surplus } from "../../proof/judges/surplus.ts"
import { dueEntries, duePayoutEntries, effectsOf, type Traced, writtenEntries } from "./effects.ts"
import type { Evidence, PaymentEvidence } from "./evidence.ts"

/**
 * A promise of the architecture, what speaks for it and what against it. That nothing happened speaks
 * against it, too: a promise nobody put to the test is not kept.
 */
interface Verdict {
  readonly name: "G2" | "G3" | "M1" | "M2"
  readonly promise: string
  readonly holds: boolean
  readonly evidence: ReadonlyArray<string>
  readonly against: ReadonlyArray<string>
}

/** Counter-examples that are told; one is enough to act on. */
const AGAINST_MAX = 20

const verdict = (
  name: Verdict["name"],
  promise: string,
  evidence: ReadonlyArray<string>,
  against: ReadonlyArray<string>
): Verdict => ({
  name,
  promise,
  holds: against.length === 0,
  evidence,
  against: against.slice(0, AGAINST_MAX)
})

export const judge = (evidence: Evidence): ReadonlyArray<Verdict> => [
  takesEffectOnce(evidence),
  keepsOrder(evidence),
  balances(evidence),
  chargesOnce(evidence)
]

const number = (count: number): string => count.toLocaleString("en")

const plural = (count: number, noun: string, nouns = `${noun}s`): string =>
  `${number(count)} ${count === 1 ? noun : nouns}`

/** G2, in two halves: commands are taken or refused once, and each moves money once. */
export const takesEffectOnce = (evidence: Evidence): Verdict => {
  const { commands, differing, payments, payouts, refusals, repeats } = evidence
  const name = (type: string, paymentId: string, id: string) => `${type} ${paymentId} ${id}`
  const taken = payments.flatMap(({ payment }) =>
    payment.commands.filter(({ refused }) => refused === undefined)
      .map(({ id, type }) => name(type, payment.id, id))
  )
  const refused = refusals.map(({ about, data }) => {
    const { command, command_id } = data as { command: string; command_id: string }
    return name(command, about, command_id)
  })
  const sent = commands.map(({ id, paymentId, type }) => name(type, paymentId, id))
  const messages = payments.flatMap(({ messages }) =>
    messages.filter(({ origin }) => origin === "ingress")
  )
  const ended = [...taken, ...refused]
  const entries = [...payments.flatMap(writtenEntries), ...payouts.flatMap(writtenEntries)]
  const due = [
    ...payments.flatMap(dueEntries),
    ...payouts.flatMap(({ payout }) => duePayoutEntries(payout))
  ]
  return verdict("G2", "every command took effect once", [
    `${plural(sent.length, "command")} acknowledged: ${number(taken.length)} taken, ${
      number(refused.length)
    } refused`,
    `${plural(messages.length, "command")} in the mailbox, ${
      plural(repeats, "repeat")
    } sent on purpose`,
    `${plural(entries.length, "journal entry", "journal entries")}, ${
      number(due.length)
    } due by the histories of payments and payouts`
  ], [
    ...(sent.length === 0 ? ["no command was sent"] : []),
    ...surplus(sent, ended).map((one) => `without effect: ${one}`),
    ...surplus(ended, sent).map((one) => `once too often, or never sent: ${one}`),
    ...surplus(due, entries).map((one) => `journal entry missing: ${one}`),
    ...surplus(entries, due).map((one) => `journal entry nobody caused: ${one}`),
    ...differing.map((one) => `a repeat was answered differently: ${one}`),
    ...payments.flatMap(amountsAgainst)
  ])
}

/** What the journal moved is what the payment says was captured and refunded. */
const amountsAgainst = ({ payment, postings }: PaymentEvidence): ReadonlyArray<string> => {
  const sum = (kind: string) =>
    postings.filter((posting) => posting.kind === kind)
      .reduce((total, { amount }) => total + BigInt(amount), 0n)
  const refunded = sum("refund_confirmed")
  return [
    ...(sum("capture") === payment.amount_captured
      ? []
      : [`${payment.id} captured ${payment.amount_captured}, the journal ${sum("capture")}`]),
    ...(refunded === payment.amount_refunded
      ? []
      : [`${payment.id} refunded ${payment.amount_refunded}, the journal ${refunded}`])
  ]
}

/** G3: read in the order they were written, effects point ever further into the mailbox. */
export const keepsOrder = ({ payments }: Evidence): Verdict => {
  const traced = payments.map((one) => ({ id: one.payment.id, effects: effectsOf(one) }))
  const count = (of: (effects: ReturnType<typeof effectsOf>) => ReadonlyArray<Traced>) =>
    traced.reduce((sum, { effects }) => sum + of(effects).length, 0)
  const several = traced.filter(({ effects }) => effects.events.length > 1).length
  return verdict("G3", "effects of one key follow the order of its mailbox", [
    `${plural(traced.length, "payment")}, ${several} of them with several events`,
    `in mailbox order: ${plural(count(({ commands }) => commands), "command")}, ` +
    `${plural(count(({ entries }) => entries), "journal entry", "journal entries")}, ` +
    `${plural(count(({ events }) => events), "event")}`
  ], [
    ...(count(({ events }) => events) === 0 ? ["nothing happened"] : []),
    ...traced.flatMap(({ effects, id }) =>
      Object.values(effects).flatMap((list) => orderAgainst(id, list))
    )
  ])
}

const orderAgainst = (id: string, list: ReadonlyArray<Traced>): ReadonlyArray<string> => {
  const against: Array<string> = []
  let last = 0
  for (const { seq, what } of list) {
    if (seq === undefined) against.push(`${id}: nothing in the mailbox caused ${what}`)
    else if (seq < last) against.push(`${id}: ${what} (message ${seq}) came after message ${last}`)
    last = Math.max(last, seq ?? 0)
  }
  return against
}

/** M1: the trial balance, and every account against the journal added up anew. */
export const balances = (evidence: Evidence): Verdict => {
  const known = new Map(evidence.balances.map((one) => [one.path, totalsOf(one)]))
  const postings = [...evidence.payments, ...evidence.payouts, ...evidence.moves]
    .reduce((sum, one) => sum + one.postings.length, 0)
  const { trialBalance } = evidence
  return verdict("M1", "debits equal credits per currency, accounts equal the journal", [
    trialBalance.map(({ currency, debits, difference }) =>
      `${currency} ${debits}: difference ${difference}`
    ).join(", "),
    `${plural(known.size, "account")} equal the sum of ${plural(postings, "posting")}`
  ], [
    ...(trialBalance.length === 0 ? ["no account has moved"] : []),
    ...trialBalanceOff(trialBalance),
    ...accountsAstray(known, booksOf(evidence))
  ])
}

const booksOf = ({ moves, payments, payouts }: Evidence): Books => {
  const books = new Books()
  for (const { postings } of [...payments, ...payouts, ...moves]) {
    for (const one of postings) books.add({ ...one, amount: BigInt(one.amount) })
  }
  return books
}

const totalsOf = (balance: Balance): Totals => ({
  posted_debits: BigInt(balance.posted_debits),
  posted_credits: BigInt(balance.posted_credits),
  pending_debits: BigInt(balance.pending_debits),
  pending_credits: BigInt(balance.pending_credits)
})

/** M2: by the gateway's own memory, which is not ours. */
export const chargesOnce = ({ gateway, payments }: Evidence): Verdict => {
  const requests = payments.flatMap(({ operations }) => operations)
    .reduce((sum, one) => sum + one.requests, 0)
  return verdict("M2", "no payment is charged twice", [
    `${
      plural(gateway.charges, "charge")
    } at the gateway, ${gateway.charged_twice.length} of them a second one`,
    `${plural(gateway.operations, "operation")} under ${plural(requests, "request")}; ` +
    "captured and refunded there as in our payments"
  ], [
    ...(gateway.charges === 0 ? ["nothing was charged"] : []),
    ...gateway.charged_twice.map((id) => `${id} was charged twice`),
    ...payments.flatMap(gatewayAgainst)
  ])
}

const gatewayAgainst = ({ operations, payment }: PaymentEvidence): ReadonlyArray<string> => {
  const { amount_authorized, amount_captured, amount_refunded, id, status } = payment
  const isCharged = operations.some((one) => one.kind === "charge" && one.status === "approved")
  return [
    ...(isCharged && amount_authorized === 0n ? [`${id} is ${status}, but charged`] : []),
    ...chargeAstray({ id, captured: amount_captured, refunded: amount_refunded }, operations)
  ]
}
