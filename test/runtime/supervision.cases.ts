/**
 * What the compiler must refuse and accept. Nothing here runs: `deno check` is the test, and
 * `supervision.test.ts` proves that it would notice. Each refused line stands alone under its
 * `@ts-expect-error`, followed by words of the message it must be refused with.
 */
import { type Effect, Schema } from "effect"
import {
  keyed,
  type KeyedActor,
  type MessageOf,
  outbound,
  type OutboundActor
} from "../../src/runtime/actor.ts"
import {
  Defer,
  Escalate,
  Restart,
  Resume,
  Retry,
  Stop,
  Unknown
} from "../../src/runtime/supervision.ts"

const messages = { ping: Schema.Struct({ key: Schema.String }) }
type Messages = typeof messages

interface Away {
  readonly _tag: "Away"
}
interface Locked {
  readonly _tag: "Locked"
}
interface Patterned {
  readonly _tag: `Db${string}`
}

interface Wide {
  readonly _tag: string
}
// deno-lint-ignore no-explicit-any
type Anything = any
interface Sometimes {
  readonly _tag?: "Sometimes"
}

type Keyed<E> = KeyedActor<Messages, string, never, never, null, E, never>
declare const k: Omit<Keyed<never>, "kind" | "load" | "overdue" | "supervision">
declare const load: <E>() => Keyed<E>["load"]

type Outbound<E> = OutboundActor<Messages, E, never>
declare const o: Omit<Outbound<never>, "kind" | "call" | "supervision">
declare const call: <E>() => (
  message: MessageOf<Messages>
) => Effect.Effect<ReadonlyArray<never>, E>

// Accepted: exactly one directive per error, in any order, and nothing where nothing can fail.
export const accepted = [
  keyed({ ...k, load: load<never>(), supervision: {} }),
  keyed({ ...k, load: load<Away>(), supervision: { Away: Restart } }),
  keyed({ ...k, load: load<Away | Locked>(), supervision: { Locked: Stop, Away: Retry(1, 2) } }),
  keyed({ ...k, load: load<Away | Locked>(), supervision: { Away: Resume, Locked: Escalate } }),
  outbound({ ...o, call: call<never>(), supervision: {} }),
  outbound({ ...o, call: call<Away>(), supervision: { Away: Defer } }),
  outbound({ ...o, call: call<Away | Locked>(), supervision: { Away: Defer, Locked: Unknown } })
]

export const refusedKeyed = [
  // @ts-expect-error Property 'Locked' is missing
  keyed({ ...k, load: load<Away | Locked>(), supervision: { Away: Restart } }),
  // @ts-expect-error Property 'Away' is missing
  keyed({ ...k, load: load<Away>(), supervision: {} }),
  // @ts-expect-error 'Locked' does not exist
  keyed({ ...k, load: load<Away>(), supervision: { Away: Restart, Locked: Stop } }),
  // @ts-expect-error an error has no _tag
  keyed({ ...k, load: load<Error>(), supervision: {} }),
  // @ts-expect-error an error has no _tag
  keyed({ ...k, load: load<Away | Error>(), supervision: { Away: Restart } }),
  // @ts-expect-error an error has no _tag
  keyed({ ...k, load: load<Sometimes>(), supervision: { Sometimes: Restart } }),
  // @ts-expect-error an error's tag is not one literal
  keyed({ ...k, load: load<Wide>(), supervision: { Away: Restart } }),
  // @ts-expect-error an error's tag is not one literal
  keyed({ ...k, load: load<Away | Wide>(), supervision: { Away: Restart } }),
  // @ts-expect-error an error's tag is not one literal
  keyed({ ...k, load: load<Patterned>(), supervision: {} }),
  // @ts-expect-error is not assignable to type 'never'
  keyed({ ...k, load: load<never>(), supervision: { Away: Restart } }),
  // @ts-expect-error the error channel is any
  keyed({ ...k, load: load<Anything>(), supervision: { Away: Restart } }),
  // @ts-expect-error the error channel is unknown
  keyed({ ...k, load: load<unknown>(), supervision: { Away: Restart } }),
  // @ts-expect-error 'OutboundDirective' is not assignable to type 'Directive'
  keyed({ ...k, load: load<Away>(), supervision: { Away: Defer } })
]

export const refusedOutbound = [
  // @ts-expect-error Property 'Locked' is missing
  outbound({ ...o, call: call<Away | Locked>(), supervision: { Away: Defer } }),
  // @ts-expect-error Property 'Away' is missing
  outbound({ ...o, call: call<Away>(), supervision: {} }),
  // @ts-expect-error 'Locked' does not exist
  outbound({ ...o, call: call<Away>(), supervision: { Away: Defer, Locked: Defer } }),
  // @ts-expect-error an error has no _tag
  outbound({ ...o, call: call<Error>(), supervision: {} }),
  // @ts-expect-error an error has no _tag
  outbound({ ...o, call: call<Away | Error>(), supervision: { Away: Defer } }),
  // @ts-expect-error an error has no _tag
  outbound({ ...o, call: call<Sometimes>(), supervision: { Sometimes: Defer } }),
  // @ts-expect-error an error's tag is not one literal
  outbound({ ...o, call: call<Wide>(), supervision: { Away: Defer } }),
  // @ts-expect-error an error's tag is not one literal
  outbound({ ...o, call: call<Away | Wide>(), supervision: { Away: Defer } }),
  // @ts-expect-error the error channel is any
  outbound({ ...o, call: call<Anything>(), supervision: { Away: Defer } }),
  // @ts-expect-error the error channel is unknown
  outbound({ ...o, call: call<unknown>(), supervision: { Away: Defer } }),
  // @ts-expect-error 'Directive' is not assignable to type 'OutboundDirective'
  outbound({ ...o, call: call<Away>(), supervision: { Away: Stop } })
]
