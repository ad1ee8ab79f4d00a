import type { Database } from "../store/database.ts"
import type { KeyedActor, OutboundActor } from "./actor.ts"

// An actor's own types matter inside its folder. The machine treats every message and state as
// opaque, and only this alias forgets them.
// deno-lint-ignore no-explicit-any
export type AnyKeyed = KeyedActor<any, any, any, any, any, { readonly _tag: string }, Database>
// deno-lint-ignore no-explicit-any
export type AnyOutbound = OutboundActor<any, { readonly _tag: string }, Database>
export type AnyActor = AnyKeyed | AnyOutbound
