import { Result } from "effect"
import { canonicalJson } from "../../src/domain/canonicalJson.ts"
import { derivedId } from "../../src/domain/identifiers.ts"
import type { MessageOf, Received, Refusal, States } from "../../src/runtime/actor.ts"
import type { Decision, Emission } from "../../streams/emissions.ts"
import { bodyOf, covers } from "../../streams/events.ts"
import type { RoutedEvent } from "../../streams/messages/event.ts"
import type { MessagingMessages } from "../../streams/messages/messaging.ts"
import { formatMoney, localeOf, render } from "./render.ts"
import { DEFAULT_LOCALE, rules } from "./rules.ts"
import {
  type Delivery,
  deliveryKey,
  DIRECTORY,
  type Directory,
  ENDPOINTS_MAX,
  type Notification,
  type RefusalCode,
  type Row,
  type State
} from "./state.ts"

export type Message = MessageOf<typeof MessagingMessages>
type Decided = Result.Result<Decision<"messaging", State, Row>, Refusal<RefusalCode>>
type Body<T extends Message["type"]> = Extract<Message, { type: T }>["body"]

/** Waits between tries, after the first: about two days in all, as Standard Webhooks suggests. */
const RETRY_DELAYS_MILLIS: ReadonlyArray<number> = [
  5_000,
  30_000,
  120_000,
  900_000,
  3_600_000,
  4 * 3_600_000,
  12 * 3_600_000,
  24 * 3_600_000
]
/** A busy destination is tried again after this, without counting a try. */
const DEFERRED_MILLIS = 5_000
/** Deferrals that are not counted. Beyond them each counts as a failed try. */
const DEFERRALS_MAX = 100

export const keysOf = (message: Message): readonly [string, ...Array<string>] => {
  switch (message.type) {
    case "event":
    case "register_endpoint":
      return [DIRECTORY]
    case "delivered":
      return [deliveryKey(message.body.delivery_id), DIRECTORY]
    case "wake":
      return [deliveryKey(message.body.delivery_id)]
  }
}

export const decide = (states: States<State>, message: Message, received: Received): Decided => {
  switch (message.type) {
    case "event":
      return Result.succeed(event(directoryOf(states), message.body, received))
    case "register_endpoint":
      return register(directoryOf(states), message.body, received)
    case "delivered": {
      const delivery = deliveryOf(states, message.body.delivery_id)
      return Result.succeed(
        delivery === undefined
          ? {}
          : delivered(directoryOf(states), delivery, message.body, received)
      )
    }
    case "wake": {
      const delivery = deliveryOf(states, message.body.delivery_id)
      if (delivery?.wake_at !== message.body.due) return Result.succeed({})
      const { wake_at: _, ...waiting } = delivery
      return Result.succeed({
        put: [[deliveryKey(delivery.id), waiting]],
        emit: [deliver(waiting, received.merchant)]
      })
    }
  }
}

const directoryOf = (states: States<State>): Directory => {
  const known = states.get(DIRECTORY)
  return known?._tag === "Directory" ? known : { _tag: "Directory", endpoints: [] }
}

const deliveryOf = (states: States<State>, id: string): Delivery | undefined => {
  const known = states.get(deliveryKey(id))
  return known?._tag === "Delivery" ? known : undefined
}

const event = (
  directory: Directory,
  body: RoutedEvent,
  received: Received
): Decision<"messaging", State, Row> => {
  const targets = directory.endpoints.filter((endpoint) =>
    endpoint.status === "enabled" && endpoint.events.some((pattern) => covers(pattern, body.type))
  )
  const notifications = notificationsOf(body)
  if (targets.length === 0) return { rows: notifications }
  const payload = canonicalJson({
    type: body.type,
    timestamp: new Date(body.at).toISOString(),
    data: body.data
  })
  const deliveries = targets.map((endpoint): Delivery => ({
    _tag: "Delivery",
    id: derivedId("del", body.event_id, endpoint.id),
    endpoint_id: endpoint.id,
    url: endpoint.url,
    event_id: body.event_id,
    event_type: body.type,
    about: body.about,
    status: "pending",
    attempts: 0,
    deferrals: 0,
    created_at: received.at,
    updated_at: received.at,
    payload
  }))
  return {
    put: deliveries.map((delivery) => [deliveryKey(delivery.id), delivery]),
    rows: notifications,
    emit: deliveries.map((delivery) => deliver(delivery, received.merchant))
  }
}

const deliver = (delivery: Delivery, merchant: string): Emission<"delivery"> => ({
  to: "delivery",
  type: "deliver",
  key: merchant,
  body: {
    delivery_id: delivery.id,
    endpoint_id: delivery.endpoint_id,
    url: delivery.url,
    event_id: delivery.event_id,
    attempt: delivery.attempts + 1,
    payload: delivery.payload
  }
})

const register = (
  directory: Directory,
  body: Body<"register_endpoint">,
  received: Received
): Decided => {
  const known = directory.endpoints.find(({ id }) => id === body.endpoint_id)
  const answers = received.replyTo === undefined ? [] : [{
    to: received.replyTo,
    body: { endpoint: { id: body.endpoint_id, repeated: known !== undefined } }
  }]
  if (known !== undefined) {
    const same = known.command_id === body.command_id && known.url === body.url &&
      known.events.join() === body.events.join()
    return same
      ? Result.succeed({ answers })
      : Result.fail({ code: "command_reused", detail: "this endpoint exists with another body" })
  }
  if (directory.endpoints.length >= ENDPOINTS_MAX) {
    return Result.fail({
      code: "too_many_endpoints",
      detail: `a merchant has at most ${ENDPOINTS_MAX} endpoints`
    })
  }
  return Result.succeed({
    put: [[DIRECTORY, {
      _tag: "Directory",
      endpoints: [...directory.endpoints, {
        id: body.endpoint_id,
        url: body.url,
        events: body.events,
        status: "enabled",
        command_id: body.command_id,
        created_at: received.at
      }]
    }]],
    rows: [{ _tag: "Secret", endpointId: body.endpoint_id, secret: body.secret }],
    answers
  })
}

const delivered = (
  directory: Directory,
  delivery: Delivery,
  { attempt, result }: Body<"delivered">,
  received: Received
): Decision<"messaging", State, Row> => {
  // A repeat of an answer, or the answer to a try that was made twice.
  if (delivery.status === "delivered" || attempt !== delivery.attempts + 1) return {}
  const key = deliveryKey(delivery.id)
  const tried = { ...delivery, updated_at: received.at }
  switch (result._tag) {
    case "Accepted":
      return {
        put: [[key, {
          ...tried,
          status: "delivered",
          attempts: attempt,
          last_status: result.status,
          payload: ""
        }]]
      }
    case "Deferred":
      return delivery.deferrals < DEFERRALS_MAX
        ? later({ ...tried, deferrals: delivery.deferrals + 1 }, DEFERRED_MILLIS, received)
        : failed(tried, attempt, { error: "the endpoint is busy or failing" }, received)
    case "Failed":
      return failed(tried, attempt, result, received)
    case "Refused": {
      const ended = failed(
        { ...tried, attempts: RETRY_DELAYS_MILLIS.length },
        attempt,
        result,
        received,
        true
      )
      return result.status !== 410 ? ended : {
        ...ended,
        put: [...ended.put ?? [], [DIRECTORY, {
          _tag: "Directory",
          endpoints: directory.endpoints.map((endpoint) =>
            endpoint.id === delivery.endpoint_id
              ? { ...endpoint, status: "disabled" as const }
              : endpoint
          )
        }]]
      }
    }
  }
}

const failed = (
  delivery: Delivery,
  attempt: number,
  why: { readonly status?: number; readonly error: string },
  received: Received,
  final = false
): Decision<"messaging", State, Row> => {
  const noted: Delivery = {
    ...delivery,
    attempts: attempt,
    last_error: why.error,
    ...(why.status !== undefined && { last_status: why.status })
  }
  const delay = RETRY_DELAYS_MILLIS[attempt - 1]
  if (delay === undefined || final) {
    return { put: [[deliveryKey(delivery.id), { ...noted, status: "exhausted", payload: "" }]] }
  }
  return later({ ...noted, status: "retrying" }, delay, received)
}

const later = (
  delivery: Delivery,
  delay: number,
  received: Received
): Decision<"messaging", State, Row> => {
  const due = received.at + delay
  return {
    put: [[deliveryKey(delivery.id), { ...delivery, wake_at: due }]],
    timers: [{
      id: derivedId("wt", delivery.id),
      atMillis: due,
      type: "wake",
      body: { delivery_id: delivery.id, due }
    }]
  }
}

/** Writes what the rules say to people who left an address. */
const notificationsOf = (event: RoutedEvent): ReadonlyArray<Row> =>
  rules.flatMap((rule): ReadonlyArray<Row> => {
    const body = bodyOf(event, rule.event)
    const email = body?.payment.customer?.email
    if (body === undefined || email === undefined) return []
    const { payment } = body
    const locale = localeOf(payment.customer?.locale, DEFAULT_LOCALE)
    const { subject, text } = render(rule.template, locale, {
      amount: formatMoney(
        BigInt("refund" in body ? body.refund.amount : payment.amount),
        payment.currency,
        locale
      ),
      merchant: payment.merchant,
      reference: payment.reference ?? "—",
      payment: payment.id,
      url: payment.next_action?.url ?? ""
    })
    const notification: Notification = {
      id: derivedId("ntf", event.event_id, rule.template),
      eventId: event.event_id,
      about: event.about,
      channel: "email",
      recipient: email,
      locale,
      template: rule.template,
      subject,
      text
    }
    return [{ _tag: "Notification", notification }]
  })
