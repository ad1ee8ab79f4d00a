import { Result } from "effect"
import * as entries from "../../../src/ledger/transfers.ts"
import type { MessageOf, Received, States } from "../../../src/runtime/actor.ts"
import type { TransferMessages } from "../../../streams/messages/transfers.ts"
import {
  answersTo,
  blank,
  book,
  type Decided,
  type Draft,
  made,
  NOTHING,
  refuse,
  renewed,
  sendTo,
  teller
} from "../decision.ts"
import { answeredAgain, printOf, remembered, waitingToo } from "../remembered.ts"
import { isRemembered, type Refused, REFUSED_MILLIS } from "../refused.ts"
import { isBalance, isTransfer, type State } from "../state.ts"
import type { Terms } from "../terms.ts"
import { type Balance, balanceIdOf, newBalance, ownerOf } from "./balance.ts"
import type { Books } from "./books.ts"
import { MERCHANT_KEY } from "./merchant.ts"
import { scheduled } from "./payouts.ts"
import { type Transfer, transferIdOf, transferResourceOf } from "./transfer.ts"

type Message = MessageOf<typeof TransferMessages>
type Body<T extends Message["type"]> = Extract<Message, { type: T }>["body"]

const tell = teller<"transfer">()

/** The transfer is the key; the wallets of this book that it moves come with it. */
export const transferKeysOf = (
  body: Body<"transfer">,
  merchant: string
): readonly [string, ...Array<string>] => {
  const { command_id, currency, recipient, to } = body
  const id = transferIdOf(merchant, command_id)
  const from = balanceIdOf(currency, recipient)
  return isWithin(body, merchant) ? [id, from, balanceIdOf(currency, to.recipient)] : [id, from]
}

const isWithin = ({ to }: Body<"transfer">, merchant: string): boolean =>
  to.merchant === undefined || to.merchant === merchant

/** The transfer that the message is about, where there is one. */
const transferIn = (
  states: States<State>,
  { keys: [id] }: Received<Terms>
): Transfer | undefined => {
  const state = states.get(id)
  return state !== undefined && isTransfer(state) ? state : undefined
}

/** The wallet as it is; empty where nothing ever was in it. */
export const balanceOf = (states: States<State>, id: string, merchant: string): Balance => {
  const found = states.get(id)
  return found !== undefined && isBalance(found) ? found : newBalance(id, merchant)
}

/** Insufficient funds are what is available: holds, reserves and payouts under way are not in it. */
export const transfer = (
  states: States<State>,
  body: Body<"transfer">,
  received: Received<Terms>
): Decided => {
  const { merchant, keys: [id, fromId = "", toId] } = received
  const known = transferIn(states, received)
  const print = printOf(body)
  if (known !== undefined) {
    return remembered(known.fingerprint, print, id, () => repeated(known, received))
  }
  if (fromId === toId) {
    return refuse("same_wallet", "a transfer goes to another wallet", id)
  }
  const from = balanceOf(states, fromId, merchant)
  if (body.amount > from.available) {
    return refuse("insufficient_funds", `${from.available} is available`, id)
  }
  const within = isWithin(body, merchant)
  const next = newTransfer(body, received, print, within)
  const owner = ownerOf(from, received.partition)
  const left = { ...from, available: from.available - body.amount }
  if (within) {
    const to = balanceOf(states, toId!, merchant)
    const entry = entries.transferred(owner, ownerOf(to, received.partition), id, body.amount)
    const filled = credited(book(blank(received), entry), to, body.amount)
    return finish(tell(filled, "transfer.completed"), next, [left, filled.balance])
  }
  const sent = book(blank(received), entries.transferSent(owner, id, body.amount))
  const told = sendTo(sent, {
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
  })
  return finish(tell(told, "transfer.sent"), next, [left])
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

const repeated = (known: Transfer, received: Received<Terms>): Decided =>
  answeredAgain(
    received,
    () => answerOf(known),
    known.status === "sent"
      ? (to) => [known.id, { ...known, waiters: waitingToo(known.waiters, to) }]
      : undefined
  )

const answerOf = (transfer: Transfer) => ({ transfer: transferResourceOf(transfer) })

/** What arrives becomes available, and may be due by schedule. */
export const credited = (draft: Draft, balance: Balance, amount: bigint): Books =>
  scheduled({
    ...draft,
    balance: { ...balance, available: balance.available + amount },
    known: undefined,
    payout: undefined
  })

export const arrived = (
  states: States<State>,
  body: Body<"transfer_arrived">,
  received: Received<Terms>
): Decided => {
  const { at, keys: [id, toId = ""], merchant, partition } = received
  const { from_balance } = body
  const before = states.get(id)
  if (transferIn(states, received) !== undefined || isRemembered(before, at)) return NOTHING
  // A wallet that something was in is somebody's, whether or not anybody said so.
  const isKnown = states.get(toId) !== undefined || states.get(MERCHANT_KEY) !== undefined
  if (!isKnown && from_balance !== undefined) return nobodys(body, from_balance, received)
  const to = balanceOf(states, toId, merchant)
  const came: Transfer = {
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
  const entry = entries.transferArrived(ownerOf(to, partition), id, body.amount)
  const filled = credited(book(blank(received), entry), to, body.amount)
  const told = sendTo(filled, {
    to: "payments",
    type: "transfer_delivered",
    key: body.from,
    body: { transfer_id: id }
  })
  return finish(tell(told, "transfer.received"), came, [filled.balance])
}

/** Nothing is booked. It is remembered, so that a repeat finds no book that was opened meanwhile. */
const nobodys = (
  { from }: Body<"transfer_arrived">,
  balance: string,
  { at, keys: [id], merchant }: Received<Terms>
): Decided => {
  const refused: Refused = {
    _tag: "Refused",
    id,
    merchant,
    commands: [],
    until: at + REFUSED_MILLIS
  }
  const detail = `there is no merchant ${merchant}`
  const body = { transfer_id: id, balance, code: "merchant_not_found", detail }
  return Result.succeed({
    put: [[id, refused]],
    emit: [{ to: "payments", type: "transfer_refused", key: from, body }]
  })
}

/** What was sent is available again, and may be due by schedule. */
export const cameBack = (
  states: States<State>,
  { balance, code, detail }: Body<"transfer_refused">,
  received: Received<Terms>
): Decided => {
  const sent = transferIn(states, received)
  if (sent?.status !== "sent") return NOTHING
  const from = balanceOf(states, balance, received.merchant)
  const owner = ownerOf(from, received.partition)
  const entry = entries.transferRefused(owner, sent.id, sent.amount)
  const filled = credited(book(blank(received), entry), from, sent.amount)
  const failed: Transfer = { ...sent, status: "failed", failure: { code, detail } }
  return finish(tell(filled, "transfer.failed"), failed, [filled.balance])
}

export const delivered = (
  states: States<State>,
  _body: unknown,
  received: Received<Terms>
): Decided => {
  const sent = transferIn(states, received)
  if (sent?.status !== "sent") return NOTHING
  return finish(tell(blank(received), "transfer.completed"), { ...sent, status: "completed" }, [])
}

/** The transfer as it is now, and the wallets that it moved. */
const finish = (
  draft: Draft,
  transfer: Transfer,
  wallets: ReadonlyArray<Balance>
): Decided => {
  const { received } = draft
  const served = transfer.status !== "sent"
  const next = renewed(transfer, received, { waiters: served ? [] : transfer.waiters })
  const told = answerOf(next)
  return Result.succeed(made(draft, {
    put: [
      [next.id, next],
      ...wallets.map((wallet) => [wallet.id, renewed(wallet, received)] as const)
    ],
    about: next.id,
    told,
    answers: served ? answersTo(transfer.waiters, told) : []
  }))
}
