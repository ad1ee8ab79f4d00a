import type { Brand } from "effect"
import type * as machine from "../src/runtime/actor.ts"
import type { EventBody, EventType } from "./events.ts"
import type { Family, Mail } from "./mailboxes.ts"

type TypeFor<To extends Family> = keyof Mail[To] & string
type BodyFor<To extends Family, Type extends TypeFor<To>> = Mail[To][Type] extends
  { readonly Type: infer Body } ? Written<Body> : never

/** A body as it is written: names need no brand, since who reads them checks them; nothing stands for what is left out. */
type Written<Body> = Body extends Brand.Brand<string> ? string
  : Body extends ReadonlyArray<infer Item> ? ReadonlyArray<Written<Item>>
  : Body extends object ? { readonly [Key in keyof Body]: Written<Body[Key]> | Missing<Body, Key> }
  : Body

type Missing<Body, Key extends keyof Body> = object extends Pick<Body, Key> ? undefined : never

/** A message for another actor: its type is one the receiver knows, its body what the receiver reads. */
export type Emission<To extends Family = Family> = {
  [Name in To]: {
    [Type in TypeFor<Name>]: machine.Emission & {
      readonly to: Name
      readonly type: Type
      readonly body: BodyFor<Name, Type>
    }
  }[TypeFor<Name>]
}[To]

/** The same without the routing key, where that is known to whoever sends it. */
export type Unaddressed<One> = One extends machine.Emission ? Omit<One, "key"> : never

/** A wake-up of a family: a message it knows. */
export type Timer<Of extends Family> = {
  [Type in TypeFor<Of>]: machine.Timer & {
    readonly type: Type
    readonly body: BodyFor<Of, Type>
  }
}[TypeFor<Of>]

/** Something that is in the catalogue, with the body it has there. */
export type Event = {
  [Type in EventType]: machine.Event & { readonly type: Type; readonly body: EventBody<Type> }
}[EventType]

/** What an actor of this family may decide. */
export type Decision<Of extends Family, State, Row = never> =
  & Omit<machine.Decision<State, Row>, "emit" | "events" | "timers">
  & {
    readonly emit?: ReadonlyArray<Emission>
    readonly events?: ReadonlyArray<Event>
    readonly timers?: ReadonlyArray<Timer<Of>>
  }
