import type { Database } from "../store/database.ts"
import type { KeyedActor, OutboundActor } from "./actor.ts"
import type { MessageSchemas } from "./evolution.ts"

interface Tagged {
  readonly _tag: string
}

// An actor's own types matter inside its folder. The machine treats every message and state as
// opaque, and only these aliases forget them.
// deno-lint-ignore no-explicit-any
export type AnyKeyed = KeyedActor<any, any, any, any, any, Tagged, Database>
// deno-lint-ignore no-explicit-any
export type AnyOutbound = OutboundActor<any, Tagged, Database>
export type AnyActor = AnyKeyed | AnyOutbound

/** The families of one mailbox, by their names. */
export type Actors = ReadonlyMap<string, AnyKeyed>

/**
 * The one place where types are forgotten: `decide` takes the family's own messages and states, so that no
 * compiler lets it stand for one that takes any. The machine hands it none but those that its own schemas
 * read and its own decisions made. What it needs of a worker is still compared, and its name kept.
 */
export const anyKeyed = <
  const Of extends string,
  M extends MessageSchemas,
  State,
  Row,
  Code extends string,
  Config,
  E extends Tagged
>(
  actor: KeyedActor<M, State, Row, Code, Config, E, Database> & { readonly family: Of }
) => actor as unknown as AnyKeyed & { readonly family: Of }

export const anyOutbound = <const Of extends string, M extends MessageSchemas, E extends Tagged>(
  actor: OutboundActor<M, E, Database> & { readonly family: Of }
) => actor as unknown as AnyOutbound & { readonly family: Of }
