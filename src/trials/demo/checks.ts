import type { Balance } from "../../ledger/read.ts"
import { dueEntries, duePayoutEntries, effectsOf, type Traced, writtenEntries } from "./effects.ts"
import type { Evidence, PaymentEvidence } from "./evidence.ts"
import { surplus } from "./settlement.ts"

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

const columns = ["posted_debits", "posted_credits", "pending_debits", "pending_credits"] as const
type Totals = Record<(typeof columns)[number], bigint>
const nothing = (): Totals => ({
  posted_debits: 0n,
  posted_credits: 0n,
  pending_debits: 0n,
  pending_credits: 0n
})

/** M1: the trial balance, and every account against the journal added up anew. */
export const balances = (evidence: Evidence): Verdict => {
  const journal = totalsOf(evidence)
  const known = new Map(evidence.balances.map((balance) => [balance.path, balance]))
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
    ...trialBalance.flatMap((line) =>
      (["difference", "pending_difference", "journal_difference"] as const)
        .filter((name) => BigInt(line[name]) !== 0n)
        .map((name) => `${line.currency} ${name} ${line[name]}`)
    ),
    ...[...new Set([...journal.keys(), ...known.keys()])].flatMap((path) =>
      accountAgainst(path, known.get(path), journal.get(path) ?? nothing())
    )
  ])
}

const totalsOf = ({ moves, payments, payouts }: Evidence): ReadonlyMap<string, Totals> => {
  const journal = new Map<string, Totals>()
  const add = (path: string, column: keyof Totals, amount: bigint) => {
    const totals = journal.get(path) ?? nothing()
    totals[column] += amount
    journal.set(path, totals)
  }
  for (const { postings } of [...payments, ...payouts, ...moves]) {
    for (const { amount, credit_account, debit_account, layer } of postings) {
      const posted = layer === "posted"
      add(debit_account, posted ? "posted_debits" : "pending_debits", BigInt(amount))
      add(credit_account, posted ? "posted_credits" : "pending_credits", BigInt(amount))
    }
  }
  return journal
}

const accountAgainst = (
  path: string,
  balance: Balance | undefined,
  totals: Totals
): ReadonlyArray<string> => {
  if (balance === undefined) return [`${path} has postings and no balance`]
  return columns.filter((column) => BigInt(balance[column]) !== totals[column]).map((column) =>
    `${path}: ${column} ${balance[column]}, the journal says ${totals[column]}`
  )
}

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
  const made = operations.filter(({ status }) => status === "approved")
  const sum = (kinds: ReadonlyArray<string>) =>
    made.filter(({ captured, kind }) => captured === 1 && kinds.includes(kind))
      .reduce((total, { amount }) => total + BigInt(amount), 0n)
  const charges = made.filter(({ kind }) => kind === "charge").length
  const captured = sum(["charge", "capture"])
  const refunded = sum(["refund"])
  return [
    ...(charges > 1 ? [`${payment.id} has ${charges} charges`] : []),
    ...(charges > 0 && payment.amount_authorized === 0n
      ? [`${payment.id} is ${payment.status}, but charged`]
      : []),
    ...(captured === payment.amount_captured
      ? []
      : [`${payment.id} captured ${payment.amount_captured}, the gateway ${captured}`]),
    ...(refunded === payment.amount_refunded
      ? []
      : [`${payment.id} refunded ${payment.amount_refunded}, the gateway ${refunded}`])
  ]
}
