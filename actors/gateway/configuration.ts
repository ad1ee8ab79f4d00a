import { Schema } from "effect"
import { GatewayName } from "../../streams/messages/routing.ts"

/** Where a secret lies. Never in the file itself, which people copy and show around. */
export const Secret = Schema.Union([
  Schema.Struct({ env: Schema.NonEmptyString }),
  Schema.Struct({ file: Schema.NonEmptyString })
])
export type Secret = typeof Secret.Type

const Url = Schema.String.check(
  Schema.makeFilter((text: string) => URL.canParse(text) || "must be a URL such as https://host")
)

const all = {
  name: GatewayName,
  /** Calls a second from one worker; beyond it a charge goes elsewhere or waits. */
  rate_per_second: Schema.optionalKey(Schema.Int.check(Schema.isGreaterThan(0))),
  /** Checks the gateway's webhooks. Without it none are taken. */
  webhook_secret: Schema.optionalKey(Secret)
}

const SimulatorGateway = Schema.Struct({
  ...all,
  kind: Schema.Literal("simulator"),
  /** Left out, one is started beside the actors. */
  url: Schema.optionalKey(Url)
})

const StripeGateway = Schema.Struct({
  ...all,
  kind: Schema.Literal("stripe"),
  api_key: Secret,
  /** Stripe's own address where left out. */
  url: Schema.optionalKey(Url),
  return_url: Schema.optionalKey(Url)
})

export const PixGateway = Schema.Struct({
  ...all,
  kind: Schema.Literal("pix"),
  /** The bank's API with its version; left out, a bank is simulated beside the actors. */
  url: Schema.optionalKey(Url),
  /** A simulated bank that several processes share (`lastro simulator`), in the place of all below. */
  simulator_url: Schema.optionalKey(Url),
  token_url: Schema.optionalKey(Url),
  client_id: Schema.optionalKey(Secret),
  client_secret: Schema.optionalKey(Secret),
  /** Our key in the central bank's directory. */
  key: Schema.optionalKey(Schema.NonEmptyString),
  receiver_name: Schema.optionalKey(Schema.NonEmptyString),
  receiver_city: Schema.optionalKey(Schema.NonEmptyString),
  /** PEM files for mutual TLS. */
  certificate: Schema.optionalKey(Secret),
  private_key: Schema.optionalKey(Secret),
  authority: Schema.optionalKey(Secret)
})

export const ConfiguredGateway = Schema.Union([SimulatorGateway, StripeGateway, PixGateway])
export type ConfiguredGateway = typeof ConfiguredGateway.Type
