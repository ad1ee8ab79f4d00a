import { Schema } from "effect"
import { CommandId, EndpointId } from "../../src/domain/identifiers.ts"
import { Text } from "../../src/domain/text.ts"
import { RoutedEvent } from "./event.ts"

/** Event types or whole groups: `payment.captured`, `payment.*`, `*`. */
const EventPattern = Text(64).check(
  Schema.isPattern(/^(\*|[a-z_]+\.(\*|[a-z_]+))$/u, {
    message: "must be an event type such as payment.captured, a group such as payment.*, or *"
  })
)

const PATTERNS_MAX = 50
const URL_CHARACTERS_MAX = 1_000

/** The body of `POST /v1/webhook-endpoints`. */
export const EndpointFields = {
  url: Text(URL_CHARACTERS_MAX).check(
    Schema.makeFilter((text: string) => {
      const url = URL.parse(text)
      if (url === null || (url.protocol !== "https:" && url.protocol !== "http:")) {
        return "must be an https URL"
      }
      return (url.username === "" && url.password === "") || "must not hold credentials"
    })
  ),
  events: Schema.Array(EventPattern).check(Schema.isMinLength(1), Schema.isMaxLength(PATTERNS_MAX))
}

/** Only the edge publishes it: it makes the secret and shows it once. */
const RegisterEndpoint = Schema.Struct({
  command_id: CommandId,
  endpoint_id: EndpointId,
  secret: Schema.String,
  ...EndpointFields
})

/** What became of one try, from the delivery actor. */
export const Delivered = Schema.Struct({
  delivery_id: Schema.String,
  attempt: Schema.Int,
  result: Schema.TaggedUnion({
    Accepted: { status: Schema.Int },
    /** An answer other than 2xx, or none. */
    Failed: { status: Schema.optionalKey(Schema.Int), error: Schema.String },
    /** The address or the URL is not allowed, or the endpoint said it is gone: no use in trying again. */
    Refused: { status: Schema.optionalKey(Schema.Int), error: Schema.String },
    /** Not tried: the destination is busy or was failing. */
    Deferred: {}
  }),
  took_millis: Schema.Finite
})

const DeliveryWake = Schema.Struct({ delivery_id: Schema.String, due: Schema.Finite })

export const MessagingMessages = {
  event: RoutedEvent,
  register_endpoint: RegisterEndpoint,
  delivered: Delivered,
  wake: DeliveryWake
}
