import { Schema } from "effect"

/** One try to bring an event to a merchant's endpoint. The secret is not in it. */
const Deliver = Schema.Struct({
  delivery_id: Schema.String,
  endpoint_id: Schema.String,
  url: Schema.String,
  /** `webhook-id`: the same in every try, so that the receiver can tell repeats. */
  event_id: Schema.String,
  attempt: Schema.Int,
  /** The exact text that is signed and sent. */
  payload: Schema.String
})

export const DeliveryMessages = { deliver: Deliver }
