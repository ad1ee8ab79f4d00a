import { Webhook } from "standardwebhooks"
import { derivedId } from "../../domain/identifiers.ts"
import type { OperationRecord } from "./operation.ts"
import type { DisputeRecord } from "./disputes.ts"

/** Where news goes, and by what its sender is known. */
export interface Hook {
  readonly url: string
  readonly secret: string
}

interface News {
  readonly key: string
  readonly payment_id: string
  readonly status: OperationRecord["status"]
  /** What somebody did in the gateway's own dashboard has a name of the gateway only. */
  readonly refund_id?: string
}

/** Waits before telling again what was not taken. Then the caller has to ask. */
const AGAIN_MILLIS = [500, 2_000, 10_000]

/** Tells a caller what became of an operation. */
export const tell = (
  hook: Hook,
  { key, payment_id, refund_id, status }: News
): Promise<void> =>
  send(hook, derivedId("msg", key, status), {
    type: "operation.changed",
    key,
    payment_id,
    status,
    ...(refund_id !== undefined && { refund_id })
  })

/** Tells a caller that something happened to a dispute. */
export const tellDispute = (
  hook: Hook,
  { id, payment_id, status }: DisputeRecord
): Promise<void> =>
  send(hook, derivedId("msg", id, status), { type: "dispute.changed", dispute_id: id, payment_id })

/** Tells of a charge that no program asked for: it has no payment. */
export const tellStray = (
  hook: Hook,
  { amount, at_millis, charge_id, currency }: OperationRecord
): Promise<void> =>
  send(hook, derivedId("msg", charge_id), {
    type: "charge.made",
    charge_id,
    amount,
    currency,
    at_millis
  })

/** Signed by Standard Webhooks. The answer to whoever caused the news goes first. */
const send = async (hook: Hook, id: string, news: object): Promise<void> => {
  await new Promise((resolve) => setImmediate(resolve))
  const body = JSON.stringify(news)
  const at = new Date()
  const headers = {
    "content-type": "application/json",
    "webhook-id": id,
    "webhook-timestamp": String(Math.floor(at.getTime() / 1_000)),
    "webhook-signature": new Webhook(hook.secret).sign(id, at, body)
  }
  for (const wait of [0, ...AGAIN_MILLIS]) {
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait).unref())
    const answer = await fetch(hook.url, { method: "POST", headers, body }).catch(() => undefined)
    await answer?.body?.cancel()
    if (answer?.ok === true) return
  }
}
