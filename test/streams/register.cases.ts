/**
 * Families that the compiler must refuse. Nothing here runs: `deno check` is the test. Each refused line
 * stands under its `@ts-expect-error`, which is an error itself where nothing is refused.
 */
import { Context, Effect, Result } from "effect"
import { anyKeyed } from "../../src/runtime/registry.ts"
import type { Restart } from "../../src/runtime/supervision.ts"
import { keyed, outbound } from "../../streams/actors.ts"
import { PaymentsMessages } from "../../streams/messages/payments.ts"
import { FraudMessages } from "../../streams/messages/fraud.ts"
import { DeliveryMessages } from "../../streams/messages/delivery.ts"
import type { DatabaseUnavailable } from "../../src/store/database.ts"

interface Seen {
  readonly payments: number
}

class Oracle extends Context.Service<Oracle, { readonly ask: string }>()("Oracle") {}

declare const load: () => Effect.Effect<ReadonlyMap<string, Seen>, DatabaseUnavailable, never>
declare const restart: { readonly DatabaseUnavailable: typeof Restart }

const family = {
  family: "fraud",
  messages: FraudMessages,
  ingress: [],
  keysOf: (): readonly [string] => ["customer"],
  tables: { states: ["fraud_profiles"], journals: [] },
  decide: () => Result.succeed({}),
  load,
  save: () => [],
  supervision: restart
} as const

const scored = { payment_id: "pay_1", score: 1, decision: "allow", reasons: [] } as const

export const taken = anyKeyed(keyed(family))

export const refused = [
  // @ts-expect-error: there is no such family
  keyed({ ...family, family: "frauds" }),
  // @ts-expect-error: a family that calls the world is none that keeps states
  keyed({ ...family, family: "delivery", messages: DeliveryMessages }),
  // @ts-expect-error: a family reads what its mailbox takes
  keyed({ ...family, messages: PaymentsMessages }),
  // @ts-expect-error: its mailbox takes no such command
  keyed({ ...family, ingress: ["capture"] }),
  // @ts-expect-error: a replay has to know its tables
  keyed({ ...family, tables: undefined }),
  // @ts-expect-error: a worker has no oracle
  keyed({ ...family, load: () => Effect.as(Oracle, new Map<string, Seen>()) }),
  keyed({
    ...family,
    decide: () =>
      // @ts-expect-error: payments knows no such answer
      Result.succeed({ emit: [{ to: "payments", type: "scoredd", key: "acme", body: scored }] })
  })
]

export const silent = outbound({
  family: "delivery",
  messages: DeliveryMessages,
  destinationOf: () => "",
  concurrencyPerDestination: 1,
  inFlightMax: 1,
  deadline: "1 seconds",
  call: () => Effect.succeed([]),
  deferred: () => [],
  unsent: () => [],
  // @ts-expect-error: messaging knows no such answer
  unknown: () => [{ to: "messaging", type: "delivred", key: "acme", body: {} }],
  supervision: {}
})
