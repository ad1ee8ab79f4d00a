import { Schema } from "effect"

/** An event as its readers get it in their mailbox (streams/events.ts). */
export const RoutedEvent = Schema.Struct({
  event_id: Schema.String,
  type: Schema.String,
  merchant: Schema.String,
  /** Milliseconds: the decision clock of its cause. */
  at: Schema.Finite,
  about: Schema.String,
  data: Schema.Unknown
})
export type RoutedEvent = typeof RoutedEvent.Type
