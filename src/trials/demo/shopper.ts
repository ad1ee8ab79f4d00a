import type { PaymentResource } from "../../../streams/resources/payment.ts"
import { paymentIdOf } from "../../domain/identifiers.ts"
import type { CommandLog } from "./commandLog.ts"
import type { Plan } from "./traffic.ts"
import { type Caller, type Command, type CommandType, rest, type Told } from "./ways.ts"

export interface Counter {
  readonly caller: Caller
  readonly log: CommandLog
  /** The payment as the API shows it; undefined while nobody knows it. */
  readonly look: (merchant: string, id: string) => Promise<PaymentResource | undefined>
}

const LOOK_EVERY_MILLIS = 400
/** Far beyond the slowest story (a lost charge: about ten seconds), for a machine that is busy. */
const SETTLED_MILLIS = 120_000

const open: ReadonlySet<string> = new Set([
  "screening",
  "processing",
  "in_review",
  "requires_action",
  "unknown"
])

/** Plays one payment from its first command to its last refund. */
export const play = async (counter: Counter, plan: Plan): Promise<void> => {
  const told = await create(counter, plan)
  const payment = await settled(counter, plan, told)
  const kept = await captureOrVoid(counter, plan, payment)
  await refund(counter, plan, kept)
  await dispute(counter, plan, kept)
}

const commandOf = (
  plan: Plan,
  type: CommandType,
  name: string,
  body: Readonly<Record<string, unknown>> = {}
): Command => ({
  type,
  merchant: plan.merchant,
  id: `${plan.commandId}-${name}`,
  paymentId: paymentIdOf(plan.merchant, plan.commandId),
  body
})

const send = async ({ caller, log }: Counter, command: Command): Promise<Told> => {
  const told = await caller.send(command)
  log.add(caller.way, command, told)
  return told
}

const create = async (counter: Counter, plan: Plan): Promise<Told> => {
  const { caller, log } = counter
  const { story } = plan
  const command: Command = {
    ...commandOf(plan, "create", ""),
    id: plan.commandId,
    body: { ...plan.body }
  }
  const repeat = async () => log.addRepeat(command, await caller.send(command))
  const started = performance.now()
  const first = send(counter, command)
  const beside = story.twice === "at_once"
    ? repeat()
    : story.hasty === true
    ? send(counter, commandOf(plan, "capture", "hasty"))
    : undefined
  const told = await first
  if (told._tag === "Payment") {
    const { token } = plan.body.payment_method
    log.waits.push({ way: caller.way, token, millis: performance.now() - started })
  }
  await beside
  if (story.twice === "later") await repeat()
  return told
}

/** Waits until no one has to act any more, and acts where it is the payer's turn. */
const settled = async (counter: Counter, plan: Plan, told: Told): Promise<PaymentResource> => {
  const id = paymentIdOf(plan.merchant, plan.commandId)
  const deadline = Date.now() + SETTLED_MILLIS
  let payment = told._tag === "Payment" ? told.payment : undefined
  let acted = false
  while (payment === undefined || open.has(payment.status)) {
    if (Date.now() > deadline) {
      throw new Error(`${id} (${plan.story.name}) is still ${payment?.status ?? "not there"}`)
    }
    if (payment?.next_action !== undefined && !acted) {
      acted = true
      await act(payment.next_action.url, plan.story.action ?? "approve")
    }
    await rest(LOOK_EVERY_MILLIS)
    payment = await counter.look(plan.merchant, id) ?? payment
  }
  return payment
}

/** The payer presses a button on the bank's page. */
const act = async (url: string, decision: string): Promise<void> => {
  const answer = await fetch(url, { method: "POST", body: new URLSearchParams({ decision }) })
  await answer.arrayBuffer()
  if (!answer.ok) throw new Error(`the bank's page answered ${answer.status}`)
}

const thousandths = (amount: number, part: number): number =>
  Math.max(1, Math.floor((amount * part) / 1_000))

const captureOrVoid = async (
  counter: Counter,
  plan: Plan,
  payment: PaymentResource
): Promise<PaymentResource> => {
  if (payment.status !== "authorized") return payment
  const { captures = [], expires, increase, voids } = plan.story
  if (increase !== undefined) {
    const amount = thousandths(payment.amount_authorized, increase)
    await send(counter, commandOf(plan, "increment", "increment", { amount }))
  }
  for (const [index, part] of captures.entries()) {
    const body = part === "rest" ? {} : { amount: thousandths(payment.amount_authorized, part) }
    await send(counter, commandOf(plan, "capture", `capture-${index + 1}`, body))
  }
  if (voids === true) await send(counter, commandOf(plan, "void", "void"))
  if (expires === true) return await untilExpired(counter, plan, payment)
  return await counter.look(plan.merchant, payment.id) ?? payment
}

const untilExpired = async (
  { look }: Counter,
  plan: Plan,
  payment: PaymentResource
): Promise<PaymentResource> => {
  const deadline = Date.now() + SETTLED_MILLIS
  for (let now = payment;;) {
    if (now.status === "expired") return now
    if (Date.now() > deadline) throw new Error(`${now.id} does not run out`)
    await rest(LOOK_EVERY_MILLIS)
    now = await look(plan.merchant, payment.id) ?? now
  }
}

/** Minor units of any currency. */
const DISPUTE_FEE = 1_500

/** The payer's bank takes a part back; the merchant defends itself or gives in. */
const dispute = async (
  counter: Counter,
  plan: Plan,
  payment: PaymentResource
): Promise<void> => {
  const { dispute } = plan.story
  if (dispute === undefined || payment.amount_captured === 0) return
  const dispute_id = `dp_${plan.index}`
  await send(
    counter,
    commandOf(plan, "dispute_opened", "dispute", {
      dispute_id,
      amount: thousandths(payment.amount_captured, dispute.part),
      fee: DISPUTE_FEE,
      reason: "não reconhecido"
    })
  )
  if (dispute.ends === "accepted") {
    await send(counter, commandOf(plan, "dispute_accept", "accept", { dispute_id }))
    return
  }
  const text = "entregue e assinado"
  await send(counter, commandOf(plan, "dispute_evidence", "evidence", { dispute_id, text }))
  const outcome = dispute.ends
  await send(counter, commandOf(plan, "dispute_closed", "outcome", { dispute_id, outcome }))
}

const refund = async (
  counter: Counter,
  plan: Plan,
  payment: PaymentResource
): Promise<void> => {
  const { refunds = [], together } = plan.story
  if (payment.amount_captured === 0) return
  const commands = refunds.map((part, index) =>
    commandOf(plan, "refund", `refund-${index + 1}`, {
      amount: thousandths(payment.amount_captured, part),
      reason: "devolução"
    })
  )
  if (together === true) await Promise.all(commands.map((command) => send(counter, command)))
  else for (const command of commands) await send(counter, command)
}
