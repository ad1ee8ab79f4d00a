import { Schema } from "effect"

/** Endpoints per merchant. One more is refused. */
export const ENDPOINTS_MAX = 20

export const Endpoint = Schema.Struct({
  id: Schema.String,
  url: Schema.String,
  events: Schema.Array(Schema.String),
  status: Schema.Literals(["enabled", "disabled"]),
  command_id: Schema.String,
  created_at: Schema.Finite
})
type Endpoint = typeof Endpoint.Type

/** All endpoints of a merchant: every event asks for them together. Secrets lie elsewhere. */
export const Directory = Schema.TaggedStruct("Directory", { endpoints: Schema.Array(Endpoint) })
export type Directory = typeof Directory.Type

export const DeliveryStatus = Schema.Literals(["pending", "delivered", "retrying", "exhausted"])

/** One event on its way to one endpoint. */
export const Delivery = Schema.TaggedStruct("Delivery", {
  id: Schema.String,
  endpoint_id: Schema.String,
  url: Schema.String,
  event_id: Schema.String,
  event_type: Schema.String,
  about: Schema.String,
  status: DeliveryStatus,
  attempts: Schema.Int,
  deferrals: Schema.Int,
  last_status: Schema.optionalKey(Schema.Int),
  last_error: Schema.optionalKey(Schema.String),
  created_at: Schema.Finite,
  updated_at: Schema.Finite,
  wake_at: Schema.optionalKey(Schema.Finite),
  /** Kept until the delivery ends. */
  payload: Schema.String
})
export type Delivery = typeof Delivery.Type

export const State = Schema.Union([Directory, Delivery])
export type State = typeof State.Type

export const DIRECTORY = "endpoints"
export const deliveryKey = (id: string): string => `delivery:${id}`

/** A message to a person, written and kept. */
export interface Notification {
  readonly id: string
  readonly eventId: string
  readonly about: string
  readonly channel: "email"
  readonly recipient: string
  readonly locale: string
  readonly template: string
  readonly subject: string
  readonly text: string
}

export type Row =
  | { readonly _tag: "Notification"; readonly notification: Notification }
  | { readonly _tag: "Secret"; readonly endpointId: string; readonly secret: string }

export type RefusalCode = "too_many_endpoints" | "command_reused"
