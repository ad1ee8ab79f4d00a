import { Effect } from "effect"
import { deliveriesTo } from "../../../actors/messaging/read.ts"
import { type Mailbox, mailboxes, PARTITIONS } from "../../../streams/mailboxes.ts"
import { request } from "../../bus/api.ts"
import type { House } from "./house.ts"
import { rest } from "./ways.ts"

const LOOK_EVERY_MILLIS = 300
/** Covers a webhook that is tried a third time (5 s and 30 s after the first two). */
const QUIET_MILLIS = 120_000
const DELIVERIES_MAX = 100_000

interface Unrest {
  /** Messages no actor has decided, and calls that are under way. */
  readonly waiting: number
  /** Webhooks that will be tried again. */
  readonly deliveries: number
}

/** Not read, or read and not done with. A partition without a consumer has no owner yet: it waits. */
const consumerLag = ({ admin }: House, stream: string, consumer: string): Promise<number> =>
  Effect.runPromise(
    request<{ num_pending: number; num_ack_pending: number }>(
      admin.nc,
      `CONSUMER.INFO.${stream}.${consumer}`
    ).pipe(
      Effect.map(({ num_ack_pending, num_pending }) => num_pending + num_ack_pending),
      Effect.orElseSucceed(() => 1)
    )
  )

const lagOf = async (house: House): Promise<number> => {
  const consumers = mailboxes.flatMap(({ kind, mailbox, stream }: Mailbox) =>
    kind === "outbound"
      ? [{ stream, consumer: mailbox }]
      : Array.from({ length: PARTITIONS }, (_, partition) => ({
        stream,
        consumer: `${mailbox}-${partition}`
      }))
  )
  const lags = await Promise.all(
    consumers.map(({ consumer, stream }) => consumerLag(house, stream, consumer))
  )
  return lags.reduce((sum, lag) => sum + lag, 0)
}

export const deliveriesOf = ({ db }: House, endpoint: { merchant: string; id: string }) =>
  deliveriesTo(db, endpoint.merchant, endpoint.id, DELIVERIES_MAX)

const unrestOf = async (house: House): Promise<Unrest> => {
  const waiting = await lagOf(house)
  const deliveries = await Promise.all(
    house.endpoints.map((endpoint) => deliveriesOf(house, endpoint))
  )
  return {
    waiting,
    deliveries:
      deliveries.flat().filter(({ status }) => status === "pending" || status === "retrying").length
  }
}

/**
 * Waits until nothing is open: mailboxes decided, calls answered, webhooks delivered. Looks twice,
 * because what one actor just sent may not have reached the next one's mailbox.
 */
export const untilQuiet = async (
  house: House,
  tell: (unrest: Unrest) => void
): Promise<void> => {
  const deadline = Date.now() + QUIET_MILLIS
  for (let calm = 0; calm < 2;) {
    const unrest = await unrestOf(house)
    tell(unrest)
    calm = unrest.waiting + unrest.deliveries === 0 ? calm + 1 : 0
    if (Date.now() > deadline) {
      throw new Error(
        `it does not come to rest: ${unrest.waiting} messages and ${unrest.deliveries} webhooks wait`
      )
    }
    await rest(LOOK_EVERY_MILLIS)
  }
}
