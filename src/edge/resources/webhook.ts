import { Schema } from "effect"
import { type Delivery, DeliveryStatus, Endpoint } from "../../../actors/messaging/state.ts"
import { Time } from "../../../streams/resources/parts.ts"
import { shownMoment } from "../../domain/moment.ts"

const { command_id: _, created_at: __, ...shown } = Endpoint.fields

export const WebhookEndpoint = Schema.Struct({ ...shown, created_at: Time })
  .annotate({ identifier: "WebhookEndpoint" })

export const endpointOf = (
  { created_at, events, id, status, url }: typeof Endpoint.Type
): typeof WebhookEndpoint.Type => ({ id, url, events, status, created_at: shownMoment(created_at) })

/** Its secret stands here once, in the answer to the request that made it. */
export const RegisteredEndpoint = Schema.Struct({
  id: Schema.String,
  url: Schema.String,
  events: Schema.Array(Schema.String),
  secret: Schema.optionalKey(Schema.String)
}).annotate({ identifier: "RegisteredEndpoint" })

export const WebhookDelivery = Schema.Struct({
  id: Schema.String,
  event_id: Schema.String,
  event_type: Schema.String,
  status: DeliveryStatus,
  attempts: Schema.Int,
  last_status: Schema.optionalKey(Schema.Int),
  last_error: Schema.optionalKey(Schema.String),
  created_at: Time,
  updated_at: Time,
  next_try_at: Schema.NullOr(Time)
}).annotate({ identifier: "WebhookDelivery" })

export const deliveryOf = (delivery: Delivery): typeof WebhookDelivery.Type => ({
  id: delivery.id,
  event_id: delivery.event_id,
  event_type: delivery.event_type,
  status: delivery.status,
  attempts: delivery.attempts,
  ...(delivery.last_status !== undefined && { last_status: delivery.last_status }),
  ...(delivery.last_error !== undefined && { last_error: delivery.last_error }),
  created_at: shownMoment(delivery.created_at),
  updated_at: shownMoment(delivery.updated_at),
  next_try_at: delivery.wake_at === undefined ? null : shownMoment(delivery.wake_at)
})
