import { Effect } from "effect"
import type { Delivery } from "../../../actors/messaging/state.ts"
import { notificationsAbout, type NotificationView } from "../../../actors/messaging/read.ts"
import type { Payout } from "../../../actors/payments/wallet/payout.ts"
import { listPayouts } from "../../../actors/payments/read.ts"
import { listPayments } from "../../../actors/payments/search.ts"
import type { Payment } from "../../../actors/payments/payment/state.ts"
import { type Balance, balancesOf, type PostingRow, postingsOfPayment } from "../../ledger/read.ts"
import { trialBalance, type TrialBalanceLine } from "../../ledger/trialBalance.ts"
import type { Book } from "../../simulators/card/book.ts"
import type { OperationRecord } from "../../simulators/card/operation.ts"
import type { Db } from "../../store/database.ts"
import { eventCursor, type EventRecord, eventsAfter } from "../../store/events.ts"
import type { SentCommand } from "./commandLog.ts"
import type { Endpoint, House } from "./house.ts"
import { type MailboxMessage, readMailbox } from "./mailbox.ts"
import { deliveriesOf } from "./quiet.ts"
import { merchants } from "./traffic.ts"

/** One payment from every side that remembers it. */
export interface PaymentEvidence {
  readonly payment: Payment
  /** In the order they were written. */
  readonly postings: ReadonlyArray<PostingRow>
  readonly events: ReadonlyArray<EventRecord>
  readonly notifications: ReadonlyArray<NotificationView>
  /** In the order of the mailbox. */
  readonly messages: ReadonlyArray<MailboxMessage>
  /** The gateway's own memory. */
  readonly operations: ReadonlyArray<OperationRecord>
}

interface PayoutEvidence {
  readonly payout: Payout
  readonly postings: ReadonlyArray<PostingRow>
}

export interface WebhookEvidence {
  readonly endpoint: Endpoint
  readonly events: ReadonlyArray<EventRecord>
  readonly deliveries: ReadonlyArray<Delivery>
}

/** Everything the promises are judged by, read once everything is quiet. */
export interface Evidence {
  /** Acknowledged to their callers. */
  readonly commands: ReadonlyArray<SentCommand>
  readonly repeats: number
  readonly differing: ReadonlyArray<string>
  readonly payments: ReadonlyArray<PaymentEvidence>
  readonly payouts: ReadonlyArray<PayoutEvidence>
  /** Of transfers and conversions. */
  readonly moves: ReadonlyArray<{ readonly postings: ReadonlyArray<PostingRow> }>
  /** Commands refused by the actor, over all merchants. */
  readonly refusals: ReadonlyArray<EventRecord>
  readonly balances: ReadonlyArray<Balance>
  readonly trialBalance: ReadonlyArray<TrialBalanceLine>
  readonly gateway: ReturnType<Book["summary"]>
  readonly webhooks: ReadonlyArray<WebhookEvidence>
}

const PAGE = 500
/** Questions under way at once; the connections are few. */
const AT_ONCE = 4

export const gather = async (
  house: House,
  log: {
    readonly commands: ReadonlyArray<SentCommand>
    readonly repeats: number
    readonly differing: ReadonlyArray<string>
  },
  moves: ReadonlyArray<string>
): Promise<Evidence> => {
  const { db } = house
  const messages = Map.groupBy(await readMailbox(house.admin), ({ paymentId }) => paymentId)
  const events = new Map(
    await each(merchants, async (merchant) => [merchant, await eventsOf(db, merchant)] as const)
  )
  const documents = (await each(merchants, (merchant) => paymentsOf(db, merchant))).flat()
  const about = Map.groupBy([...events.values()].flat(), (event) => event.about)
  const payments = await each(documents, async (payment): Promise<PaymentEvidence> => ({
    payment,
    postings: await postingsOfPayment(db, payment.id),
    notifications: await notificationsAbout(db, payment.merchant, payment.id),
    events: about.get(payment.id) ?? [],
    messages: messages.get(payment.id) ?? [],
    operations: await askGateway(house, `/book/${payment.id}`)
  }))
  return {
    commands: log.commands,
    repeats: log.repeats,
    differing: log.differing,
    payments,
    payouts: (await each(merchants, (merchant) => payoutsOf(db, merchant))).flat(),
    moves: await each(moves, async (id) => ({ postings: await postingsOfPayment(db, id) })),
    refusals: [...events.values()].flat().filter(({ type }) => type === REFUSED),
    balances: (await each(["", ...merchants], (merchant) => accountsOf(db, merchant))).flat(),
    trialBalance: await trialBalance(db),
    gateway: await askGateway(house, "/book"),
    webhooks: await each(house.endpoints, async (endpoint): Promise<WebhookEvidence> => ({
      endpoint,
      events: events.get(endpoint.merchant) ?? [],
      deliveries: await deliveriesOf(house, endpoint)
    }))
  }
}

export const REFUSED = "payments.command_refused"

const each = <A, B>(items: ReadonlyArray<A>, look: (item: A) => Promise<B>): Promise<Array<B>> =>
  Effect.runPromise(
    Effect.forEach(items, (item) => Effect.promise(() => look(item)), { concurrency: AT_ONCE })
  )

/** Over HTTP, as any outsider would: the witness is not ours. */
const askGateway = async <A>({ lastro }: House, path: string): Promise<A> => {
  const answer = await fetch(lastro.simulator.url + path)
  return await answer.json()
}

const eventsOf = async (db: Db, merchant: string): Promise<ReadonlyArray<EventRecord>> => {
  const found: Array<EventRecord> = []
  for (let after = eventCursor("0.0")!;;) {
    const page = await eventsAfter(db, merchant, after, PAGE)
    found.push(...page)
    if (page.length < PAGE) return found
    after = eventCursor(page.at(-1)!.cursor)!
  }
}

const paymentsOf = async (db: Db, merchant: string): Promise<ReadonlyArray<Payment>> => {
  const found: Array<Payment> = []
  for (;;) {
    const last = found.at(-1)
    const page = await listPayments(db, merchant, {
      limit: PAGE,
      ...(last && { after: { createdMillis: last.created_at, id: last.id } })
    })
    found.push(...page)
    if (page.length < PAGE) return found
  }
}

const payoutsOf = async (db: Db, merchant: string): Promise<ReadonlyArray<PayoutEvidence>> => {
  const found: Array<PayoutEvidence> = []
  for (;;) {
    const last = found.at(-1)?.payout
    const page = await listPayouts(db, merchant, {
      limit: PAGE,
      ...(last && { after: { createdMillis: last.created_at, id: last.id } })
    })
    for (const payout of page) {
      found.push({ payout, postings: await postingsOfPayment(db, payout.id) })
    }
    if (page.length < PAGE) return found
  }
}

const accountsOf = async (db: Db, merchant: string): Promise<ReadonlyArray<Balance>> => {
  const found: Array<Balance> = []
  for (;;) {
    const page = await balancesOf(db, merchant, found.at(-1)?.path ?? "", PAGE)
    found.push(...page)
    if (page.length < PAGE) return found
  }
}
