import { Result } from "effect"
import { fingerprint } from "../../../src/domain/fingerprint.ts"
import type { JournalEntry } from "../../../src/ledger/journal.ts"
import * as entries from "../../../src/ledger/transfers.ts"
import type { MessageOf, Received, States } from "../../../src/runtime/actor.ts"
import type { Decision, Emission } from "../../../streams/emissions.ts"
import type { EventWith } from "../../../streams/events.ts"
import { TransferMessages } from "../../../streams/messages/transfers.ts"
import { type Decided, NOTHING, refuse } from "../decided.ts"
import { eventOf } from "../event.ts"
import { isRemembered, type Refused, REFUSED_MILLIS } from "../refused.ts"
import { isBalance, isTransfer, type State, type Terms } from "../state.ts"
import type { Row } from "../payment/step.ts"
import { type Balance, balanceIdOf, newBalance, ownerOf } from "./balance.ts"
import * as books from "./books.ts"
import { MERCHANT_KEY } from "./merchant.ts"
import { scheduled } from "./payouts.ts"
import { type Transfer, transferIdOf, transferResourceOf } from "./transfer.ts"

type Message = MessageOf<typeof TransferMessages>
type Body<T extends Message["type"]> = Extract<Message, { type: T }>["body"]

export const isTransferMessage = (
  message: { readonly type: string }
): message is Message => Object.hasOwn(TransferMessages, message.type)

/** Who waits for one transfer. The longest waiting give way: they still find the outcome by reading. */
const WAITERS_MAX = 20

/** The transfer is the key; the wallets of this book that it moves come with it. */
export const transferKeysOf = (
  message: Message,
  merchant: string
): readonly [string, ...Array<string>] => {
  switch (message.type) {
    case "transfer": {
      const { command_id, currency, recipient, to } = message.body
      const id = transferIdOf(merchant, command_id)
      const from = balanceIdOf(currency, recipient)
      return isWithin(message.body, merchant)
        ? [id, from, balanceIdOf(currency, to.recipient)]
        : [id, from]
    }
    case "transfer_arrived":
      return [message.body.transfer_id, message.body.balance, MERCHANT_KEY]
    case "transfer_refused":
      return [message.body.transfer_id, message.body.balance]
    case "transfer_delivered":
      return [message.body.transfer_id]
  }
}

const isWithin = ({ to }: Body<"transfer">, merchant: string): boolean =>
  to.merchant === undefined || to.merchant === merchant

export const decideTransfer = (
  states: States<State>,
  message: Message,
  received: Received<Terms>
): Decided => {
  const state = states.get(received.keys[0])
  const known = state !== undefined && isTransfer(state) ? state : undefined
  switch (message.type) {
    case "transfer":
      return send(states, known, message.body, received)
    case "transfer_arrived":
      return known !== undefined || isRemembered(state, received.at)
        ? NOTHING
        : Result.succeed(arrived(states, message.body, received))
    case "transfer_refused":
      return known?.status === "sent"
        ? Result.succeed(cameBack(states, known, message.body, received))
        : NOTHING
    case "transfer_delivered":
      return known === undefined || known.status !== "sent"
        ? NOTHING
        : Result.succeed(decision(received, { ...known, status: "completed" }, {
          events: ["transfer.completed"]
        }))
  }
}

/** The wallet as it is; empty where nothing ever was in it. */
export const balanceOf = (states: States<State>, id: string, merchant: string): Balance => {
  const found = states.get(id)
  return found !== undefined && isBalance(found) ? found : newBalance(id, merchant)
}

/** Insufficient funds are what is available: holds, reserves and payouts under way are not in it. */
const send = (
  states: States<State>,
  known: Transfer | undefined,
  body: Body<"transfer">,
  received: Received<Terms>
): Decided => {
  const { merchant, keys: [id, fromId = "", toId] } = received
  const { command_id: _, ...wanted } = body
  const print = fingerprint(wanted)
  if (known !== undefined) {
    return known.fingerprint === print
      ? repeated(known, received)
      : refuse("command_reused", "this command_id was used with another body", id)
  }
  if (fromId === toId) {
    return refuse("same_wallet", "a transfer goes to another wallet", id)
  }
  const from = balanceOf(states, fromId, merchant)
  if (body.amount > from.available) {
    return refuse("insufficient_funds", `${from.available} is available`, id)
  }
  const within = isWithin(body, merchant)
  const transfer = newTransfer(body, received, print, within)
  const owner = ownerOf(from, received.partition)
  const left = { ...from, available: from.available - body.amount }
  if (within) {
    const to = balanceOf(states, toId!, merchant)
    const entry = entries.transferred(owner, ownerOf(to, received.partition), id, body.amount)
    const filled = credited(to, body.amount, received)
    return Result.succeed(decision(received, transfer, {
      balances: [left],
      also: [filled],
      entry,
      events: ["transfer.completed"]
    }))
  }
  return Result.succeed(decision(received, transfer, {
    balances: [left],
    entry: entries.transferSent(owner, id, body.amount),
    events: ["transfer.sent"],
    emit: [{
      to: "payments",
      type: "transfer_arrived",
      key: body.to.merchant!,
      body: {
        transfer_id: id,
        balance: balanceIdOf(body.currency, body.to.recipient),
        amount: body.amount,
        from: merchant,
        from_balance: from.id,
        ...(body.reference !== undefined && { reference: body.reference })
      }
    }]
  }))
}

const newTransfer = (
  body: Body<"transfer">,
  { at, keys: [id], merchant, replyTo }: Received<Terms>,
  print: string,
  within: boolean
): Transfer => ({
  _tag: "Transfer",
  id,
  merchant,
  direction: "out",
  status: within ? "completed" : "sent",
  currency: body.currency,
  amount: body.amount,
  ...(body.recipient !== undefined && { recipient: body.recipient }),
  other: { merchant, ...body.to },
  ...(body.reference !== undefined && { reference: body.reference }),
  ...(body.description !== undefined && { description: body.description }),
  fingerprint: print,
  waiters: replyTo === undefined ? [] : [replyTo],
  created_at: at,
  updated_at: at,
  version: 0
})

const repeated = (known: Transfer, { replyTo }: Received<Terms>): Decided => {
  if (replyTo === undefined) return NOTHING
  if (known.status === "sent") {
    const waiters = [...known.waiters, replyTo].slice(-WAITERS_MAX)
    return Result.succeed({ put: [[known.id, { ...known, waiters }]] })
  }
  return Result.succeed({ answers: [{ to: replyTo, body: answerOf(known) }] })
}

const answerOf = (transfer: Transfer) => ({ transfer: transferResourceOf(transfer) })

/** What arrives becomes available, and may be due by schedule. */
export const credited = (
  balance: Balance,
  amount: bigint,
  received: Received<Terms>
): books.Books =>
  scheduled({
    received,
    balance: { ...balance, available: balance.available + amount },
    known: undefined,
    payout: undefined,
    rows: [],
    emit: [],
    timers: [],
    events: []
  })

const arrived = (
  states: States<State>,
  body: Body<"transfer_arrived">,
  received: Received<Terms>
): Decision<"payments", State, Row> => {
  const { at, keys: [id, toId = ""], merchant, partition } = received
  const { from_balance } = body
  // A wallet that something was in is somebody's, whether or not anybody said so.
  const isKnown = states.get(toId) !== undefined || states.get(MERCHANT_KEY) !== undefined
  if (!isKnown && from_balance !== undefined) return nobodys(body, from_balance, received)
  const to = balanceOf(states, toId, merchant)
  const transfer: Transfer = {
    _tag: "Transfer",
    id,
    merchant,
    direction: "in",
    status: "completed",
    currency: to.currency,
    amount: body.amount,
    ...(to.recipient !== undefined && { recipient: to.recipient }),
    other: { merchant: body.from },
    ...(body.reference !== undefined && { reference: body.reference }),
    waiters: [],
    created_at: at,
    updated_at: at,
    version: 0
  }
  return decision(received, transfer, {
    also: [credited(to, body.amount, received)],
    entry: entries.transferArrived(ownerOf(to, partition), id, body.amount),
    events: ["transfer.received"],
    emit: [{
      to: "payments",
      type: "transfer_delivered",
      key: body.from,
      body: { transfer_id: id }
    }]
  })
}

/** Nothing is booked. It is remembered, so that a repeat finds no book that was opened meanwhile. */
const nobodys = (
  { from }: Body<"transfer_arrived">,
  balance: string,
  { at, keys: [id], merchant }: Received<Terms>
): Decision<"payments", State, Row> => {
  const refused: Refused = {
    _tag: "Refused",
    id,
    merchant,
    commands: [],
    until: at + REFUSED_MILLIS
  }
  const detail = `there is no merchant ${merchant}`
  const body = { transfer_id: id, balance, code: "merchant_not_found", detail }
  return {
    put: [[id, refused]],
    emit: [{ to: "payments", type: "transfer_refused", key: from, body }]
  }
}

/** What was sent is available again, and may be due by schedule. */
const cameBack = (
  states: States<State>,
  sent: Transfer,
  { balance, code, detail }: Body<"transfer_refused">,
  received: Received<Terms>
): Decision<"payments", State, Row> => {
  const from = balanceOf(states, balance, received.merchant)
  return decision(received, { ...sent, status: "failed", failure: { code, detail } }, {
    also: [credited(from, sent.amount, received)],
    entry: entries.transferRefused(ownerOf(from, received.partition), sent.id, sent.amount),
    events: ["transfer.failed"]
  })
}

/** The transfer as it is now with everything that follows from it. */
const decision = (
  received: Received<Terms>,
  transfer: Transfer,
  made: {
    readonly balances?: ReadonlyArray<Balance>
    readonly also?: ReadonlyArray<books.Books>
    readonly entry?: JournalEntry
    readonly events: ReadonlyArray<EventWith<"transfer">>
    readonly emit?: ReadonlyArray<Emission>
  }
): Decision<"payments", State, Row> => {
  const served = transfer.status !== "sent"
  const next: Transfer = {
    ...transfer,
    waiters: served ? [] : transfer.waiters,
    version: transfer.version + 1,
    updated_at: received.at
  }
  const also = (made.also ?? []).map(books.finish)
  const put: Array<readonly [string, State]> = [[next.id, next]]
  for (const balance of made.balances ?? []) {
    const version = balance.version + 1
    put.push([balance.id, { ...balance, version, updated_at: received.at }])
  }
  const entry: ReadonlyArray<Row> = made.entry === undefined
    ? []
    : [{ _tag: "Entry", entry: made.entry }]
  return {
    put: [...put, ...also.flatMap((one) => one.put ?? [])],
    rows: [...entry, ...also.flatMap(({ rows }) => rows ?? [])],
    emit: made.emit ?? [],
    timers: also.flatMap(({ timers }) => timers ?? []),
    events: made.events.map((type) => eventOf(next.id, type, answerOf(next), received)),
    answers: served ? transfer.waiters.map((to) => ({ to, body: answerOf(next) })) : []
  }
}
