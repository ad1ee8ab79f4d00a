import type { StoredDeadLetter } from "../store/deadLetters.ts"
import type { MessageOf } from "./actor.ts"
import type { MessageSchemas } from "./evolution.ts"
import type { Letter, Place } from "./letter.ts"
import type { Order } from "./order.ts"

/** What a letter turns out to be once it is read, before anything is decided. */
export type Opened = Readable | Unreadable | Woken | Reconfigure | Ordered | Replayed

/** A letter that decoded, with the actor keys it touches. */
export interface Readable {
  readonly _tag: "Readable"
  readonly letter: Letter
  readonly message: MessageOf<MessageSchemas>
  readonly keys: readonly [string, ...Array<string>]
}

export interface Unreadable {
  readonly _tag: "Unreadable"
  readonly letter: Letter
  readonly malformed: string
}

/** The letters of a woken key, in their order, behind the wake that brings them back. */
export interface Woken {
  readonly _tag: "Woken"
  readonly letter: Letter
  readonly wakes: { readonly merchant: string; readonly actorKey: string }
  readonly behind: ReadonlyArray<Readable | Unreadable>
  /** Letters decided now. Where more wait, the key stays parked and wakes again at once. */
  readonly max: number
  /** The operator's who wakes it; a timer does otherwise. */
  readonly order?: Order
  /** The place of a letter that is not decided but dropped. */
  readonly drops?: Place
}

/** A change of configuration. */
export interface Reconfigure {
  readonly _tag: "Reconfigure"
  readonly letter: Letter
  readonly config: { readonly version: number; readonly value: unknown; readonly json: string }
}

/** What an operator asks that decides no letter. `dead` is the dead letter it names. */
export interface Ordered {
  readonly _tag: "Ordered"
  readonly letter: Letter
  readonly order: Order
  readonly dead?: StoredDeadLetter | undefined
}

/** A dead letter that is decided once more, in the place of the order that asks for it. */
export interface Replayed {
  readonly _tag: "Replayed"
  readonly letter: Letter
  readonly action: string
  readonly dead: StoredDeadLetter
  readonly again: Readable | Unreadable | Reconfigure
}
