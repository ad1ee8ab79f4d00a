import { hash } from "node:crypto"
import { mailboxes } from "../../../streams/mailboxes.ts"
import { places } from "../../../streams/places.ts"
import { outgoingOf } from "../../runtime/bundle.ts"
import { accountsAstray, Books } from "../../proof/judges/books.ts"
import { chargeAstray } from "../../proof/judges/charges.ts"
import { Header, type Letter, lettersOf as lettersIn } from "../../runtime/letter.ts"
import { decodeOutbox } from "../../runtime/turnRow.ts"
import type { Book } from "../../simulators/card/book.ts"
import type { Command } from "./load.ts"
import type { AccountRecord, ChaosRecord, Stored, TurnRecord } from "./record.ts"

/** What is found wrong, in words. Empty is the promise kept. */
export type Violations = ReadonlyArray<string>

/** Commands that make something of their own name, and are remembered by it. */
const MOVES: ReadonlySet<string> = new Set(["transfer", "payout", "quote", "convert"])

const nameOf = (merchant: string, type: string, id: string) => `${merchant} ${type} ${id}`

/** G1: what was acknowledged has what it asked for, or an answer that says why not. */
export const missingCommands = (
  record: ChaosRecord,
  acknowledged: Iterable<Command>
): Violations => {
  const kept = record.payments.flatMap(({ commands, merchant }) =>
    commands.map(({ id, type }) => nameOf(merchant, type, id))
  )
  const past = [...record.states.values()].flatMap(({ command, merchant }) =>
    command === undefined ? [] : [nameOf(merchant, command.type, command.id)]
  )
  const taken = new Set([...kept, ...past])
  const refused = new Set(
    record.refused.map((one) => nameOf(one.merchant, one.command, one.command_id))
  )
  return [...acknowledged].flatMap(({ about, id, merchant, type }) => {
    const name = nameOf(merchant, type, id)
    const made = record.states.get(`${merchant}/${about}`)
    const isTaken = MOVES.has(type)
      ? made !== undefined && made._tag !== "Refused"
      : taken.has(name)
    return isTaken || (type !== "create" && refused.has(name)) ? [] : [name]
  })
}

/** G2: one payment for each distinct command that is in the mailbox, one effect for each command. */
export const repeatedEffects = (record: ChaosRecord): Violations => {
  const wrong: Array<string> = []
  const asked = new Set<string>()
  for (const { data, subject } of record.streams.get("PAYMENTS")!) {
    const [, , place, type, merchant] = subject.split(".")
    if (place !== "ingress" || type !== "create") continue
    const { command_id } = JSON.parse(new TextDecoder().decode(data))
    asked.add(nameOf(merchant!, type, command_id))
  }
  if (asked.size !== record.payments.length) {
    wrong.push(`${asked.size} distinct creates made ${record.payments.length} payments`)
  }
  for (const { attempts, commands, id } of record.payments) {
    const names = commands.map(({ id, type }) => `${type} ${id}`)
    if (new Set(names).size !== names.length) wrong.push(`${id} took a command twice`)
    const keys = attempts.map(({ key }) => key)
    if (new Set(keys).size !== keys.length) wrong.push(`${id} has an attempt twice`)
    if (attempts.filter(({ operation }) => operation === "charge").length > 1) {
      wrong.push(`${id} was charged by two attempts`)
    }
  }
  return wrong
}

const partitions = (record: ChaosRecord): ReadonlyMap<string, ReadonlyArray<TurnRecord>> =>
  Map.groupBy(record.turns, ({ family, partition }) => `${family}.${partition}`)

/** Messages of one mailbox by `mailbox.partition`, in order. */
export const lettersOf = (record: ChaosRecord): ReadonlyMap<string, ReadonlyArray<Letter>> =>
  Map.groupBy(
    mailboxes.filter(({ kind }) => kind === "keyed")
      .flatMap(({ stream }) => record.streams.get(stream)!)
      .flatMap((stored) => lettersIn({ ...stored, ...readable(stored) })),
    ({ subject }) => {
      const [family = "", partition] = subject.split(".", 2)
      return `${places.mailboxOf(family)}.${partition}`
    }
  )

const readable = ({ headers }: Stored) => ({
  header: (name: string) => headers[name],
  headers: () => ({ ...headers })
})

/** G2: the turns of a partition, one after the other, are exactly its mailbox. */
export const gapsBetweenTurns = (record: ChaosRecord): Violations => {
  const wrong: Array<string> = []
  const turns = partitions(record)
  for (const [place, letters] of lettersOf(record)) {
    let next = 0
    for (const { first_seq, last_seq, messages } of turns.get(place) ?? []) {
      const first = letters[next]?.seq
      const last = letters[next + messages - 1]?.seq
      if (first !== first_seq || last !== last_seq) {
        wrong.push(
          `${place}: turn ${first_seq}–${last_seq} of ${messages} stands where the mailbox has ` +
            `${first}–${last}`
        )
        break
      }
      next += messages
    }
    if (next !== letters.length) wrong.push(`${place}: ${letters.length - next} never had a turn`)
  }
  return wrong
}

/** G4: once a later owner has committed, no earlier one does. */
export const epochsBackwards = (record: ChaosRecord): Violations =>
  [...partitions(record)].flatMap(([place, turns]) =>
    turns.flatMap(({ epoch, last_seq }, index) => {
      const before = turns[index - 1]
      return before !== undefined && epoch < before.epoch
        ? [`${place}: turn up to ${last_seq} was committed under ${epoch}, after ${before.epoch}`]
        : []
    })
  )

/** G5: what the turn rows say was emitted is on its target, once each, in order, unchanged. */
export const emissionsAstray = (record: ChaosRecord): Violations => {
  const wrong: Array<string> = []
  const wanted = new Map<string, Array<string>>()
  const found = new Map<string, Array<string>>()
  const put = (lists: Map<string, Array<string>>, place: string, line: string) => {
    const list = lists.get(place)
    if (list === undefined) lists.set(place, [line])
    else list.push(line)
  }
  const bodyOfEvent = (id: string) => record.events.get(id) ?? ""
  for (const { family, outbox, partition } of record.turns) {
    for (const bundle of decodeOutbox(outbox, family, bodyOfEvent).bundles) {
      const { headers, payload, subject } = outgoingOf(bundle, { mailbox: family, partition })
      const emission = new Map(headers).get(Header.emission)
      put(
        wanted,
        `${family}/${partition} → ${bundle.target}`,
        `${emission} ${subject} ${hash("md5", payload)}`
      )
    }
  }
  for (const [target, messages] of record.streams) {
    for (const { data, headers, subject } of messages) {
      const emission = headers[Header.emission]
      if (emission === undefined) continue
      const [family, partition] = emission.split("/")
      const line = `${emission} ${subject} ${hash("md5", data)}`
      put(found, `${family}/${partition} → ${target}`, line)
    }
  }
  for (const place of new Set([...wanted.keys(), ...found.keys()])) {
    const sent = wanted.get(place) ?? []
    const there = found.get(place) ?? []
    const at = sent.findIndex((line, index) => line !== there[index])
    if (at >= 0 || there.length !== sent.length) {
      wrong.push(
        `${place}: ${sent.length} emitted, ${there.length} there; first difference at ${at}: ` +
          `${sent[at]?.slice(0, 80)} against ${there[at]?.slice(0, 80)}`
      )
    }
  }
  return wrong
}

/** G3: entries of one payment were written in the order of the messages that caused them. */
export const effectsOutOfOrder = (record: ChaosRecord): Violations => {
  const latest = new Map<string, number>()
  const wrong: Array<string> = []
  for (const { entry_id, partition, payment_id, seq } of record.postings) {
    // The two legs of a transfer are booked in two partitions.
    const place = `${partition} ${payment_id}`
    if (seq < (latest.get(place) ?? 0)) wrong.push(`${payment_id}: ${entry_id} came late`)
    latest.set(place, seq)
  }
  // A capture sent right behind its create finds the payment; before it there would be none.
  for (const { code, command_id } of record.refused) {
    if (command_id.endsWith("-hasty") && code === "payment_not_found") {
      wrong.push(`${command_id} was decided before the create that it follows`)
    }
  }
  return wrong
}

/** M1: balanced after every turn, and the accounts say what the journal says, turn by turn. */
export const imbalances = (record: ChaosRecord): Violations => {
  const wrong: Array<string> = []
  const books = new Books()
  const versions = new Map<string, number>()
  const bySeq = Map.groupBy(record.postings, ({ partition, seq }) => `${partition}.${seq}`)
  let seen = 0
  for (const turn of record.turns.filter(({ family }) => family === "payments")) {
    const touched = new Set<string>()
    for (let seq = turn.first_seq; seq <= turn.last_seq; seq++) {
      for (const posting of bySeq.get(`${turn.partition}.${seq}`) ?? []) {
        seen++
        books.add(posting)
        const { credit_account, currency, debit_account, entry_id } = posting
        touched.add(debit_account).add(credit_account)
        const sides = [debit_account, credit_account].map((path) => path.endsWith(`:${currency}`))
        if (sides.includes(false)) wrong.push(`${entry_id} mixes currencies`)
      }
    }
    for (const path of touched) versions.set(path, (versions.get(path) ?? 0) + 1)
    wrong.push(...books.off().map((one) => `${one} after ${turn.last_seq}`))
  }
  if (seen !== record.postings.length) {
    wrong.push(`${record.postings.length - seen} postings belong to no turn`)
  }
  const accounts = new Map(record.accounts.map((account) => [account.path, account]))
  return [
    ...wrong,
    ...accountsAstray(accounts, books),
    ...versionsAstray(record.accounts, versions),
    ...walletsAstray(record)
  ]
}

/** An account's version counts the turns that moved it: a turn applied twice would show there. */
const versionsAstray = (
  accounts: ReadonlyArray<AccountRecord>,
  versions: ReadonlyMap<string, number>
): Violations =>
  accounts.flatMap(({ path, version }) => {
    const turns = versions.get(path) ?? 0
    return version === turns ? [] : [`${path} is of version ${version}; ${turns} turns moved it`]
  })

/** What wallets say is what is booked, and nothing is on its way any more between any two of them. */
const walletsAstray = ({ accounts, states }: ChaosRecord): Violations => {
  const wrong: Array<string> = []
  const booked = new Map(
    accounts.map((
      { path, posted_credits, posted_debits }
    ) => [path, posted_credits - posted_debits])
  )
  for (const { _tag, available = "0", currency, id, merchant, recipient } of states.values()) {
    if (_tag !== "Balance") continue
    const whose = recipient === undefined ? merchant : `${merchant}:recipient:${recipient}`
    const there = booked.get(`liabilities:merchant:${whose}:available:${currency}`) ?? 0n
    if (there !== BigInt(available)) {
      wrong.push(`${merchant} ${id} has ${available}, booked are ${there}`)
    }
  }
  const left = new Map<string, bigint>()
  for (const [path, amount] of booked) {
    const [place] = /^(control:transfers|liabilities:payouts_in_transit)(?=:)/.exec(path) ?? []
    if (place === undefined) continue
    const name = `${place} ${path.slice(path.lastIndexOf(":") + 1)}`
    left.set(name, (left.get(name) ?? 0n) + amount)
  }
  for (const [name, amount] of left) if (amount !== 0n) wrong.push(`${name} holds ${amount}`)
  return wrong
}

const RECEIVABLE = "assets:gateway:simulator:receivable:"

/** What the gateway paid to our bank, and kept of it: it owes that no more. */
const settledBy = ({ postings }: ChaosRecord, currency: string): bigint =>
  postings.reduce((sum, { amount, credit_account, currency: of, debit_account }) => {
    if (of !== currency) return sum
    const [from, to] = [credit_account, debit_account].map((path) =>
      path.startsWith(RECEIVABLE)
        ? "gateway"
        : path.startsWith("assets:bank:") || path.startsWith("expense:gateway_fees:")
        ? "ours"
        : "other"
    )
    if (from === "gateway" && to === "ours") return sum + amount
    return from === "ours" && to === "gateway" ? sum - amount : sum
  }, 0n)

/** Payouts by currency: what the gateway says that it paid against what is paid here. */
const payoutsAstray = ({ states }: ChaosRecord, book: Book): Violations => {
  const payouts = [...states.values()].filter(({ _tag }) => _tag === "Payout")
  return [...new Set(payouts.map(({ currency }) => currency!))].flatMap((currency) => {
    const ours = payouts.filter((one) => one.currency === currency && one.status === "paid")
      .reduce((sum, { amount }) => sum + Number(amount), 0)
    const theirs = book.ofPayment(`balance:${currency}`)
      .filter(({ kind, status }) => kind === "payout" && status === "approved")
      .reduce((sum, { amount }) => sum + amount, 0)
    return ours === theirs
      ? []
      : [`${ours} ${currency} are paid out, and the gateway's book says ${theirs}`]
  })
}

/** M2: the gateway's own book, payment by payment, against ours. */
export const chargesAstray = (record: ChaosRecord, book: Book): Violations => {
  const wrong = book.summary().charged_twice.map((id) => `${id} was charged twice`)
  wrong.push(...payoutsAstray(record, book))
  for (const payment of record.payments) {
    const { amount_captured, amount_refunded, contradictions, id } = payment
    if (contradictions.length > 0) wrong.push(`${id}: ${contradictions.join(", ")}`)
    const ours = { id, captured: BigInt(amount_captured), refunded: BigInt(amount_refunded) }
    wrong.push(...chargeAstray(ours, book.ofPayment(id)))
  }
  for (const { captured, currency, refunded } of book.summary().totals) {
    const owed = record.accounts
      .filter(({ path }) => path.startsWith(RECEIVABLE) && path.endsWith(`:${currency}`))
      .reduce((sum, account) => sum + account.posted_debits - account.posted_credits, 0n)
    const all = owed + settledBy(record, currency)
    if (all !== BigInt(captured - refunded)) {
      wrong.push(
        `the ledger says that the gateway owes or paid ${all} ${currency}, its book ` +
          `${captured - refunded}`
      )
    }
  }
  return wrong
}
