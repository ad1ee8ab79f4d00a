/**
 * What happens to a message whose handling failed.
 *
 * - `Resume`: set it aside as a dead letter and go on.
 * - `Retry`: park its key and wake it later, in order, while other keys go on.
 * - `Restart`: drop the partition's cached states and load again, a few times; then escalate.
 * - `Stop`: quarantine its key until a person lets it go.
 * - `Escalate`: give the partition up; its next owner begins anew, after a rest that grows.
 */
export type Directive =
  | { readonly _tag: "Resume" }
  | { readonly _tag: "Retry"; readonly delaysMillis: ReadonlyArray<number> }
  | { readonly _tag: "Restart" }
  | { readonly _tag: "Stop" }
  | { readonly _tag: "Escalate" }

/** For both kinds of actor: one entry of either table. */
export const Resume = { _tag: "Resume" } as const satisfies Directive
export const Restart: Directive = { _tag: "Restart" }
export const Stop: Directive = { _tag: "Stop" }
export const Escalate: Directive = { _tag: "Escalate" }

/** Waits between tries; after the last one the key is quarantined with its messages kept in order. */
export const Retry = (...delaysMillis: ReadonlyArray<number>): Directive => ({
  _tag: "Retry",
  delaysMillis
})

/** What an outbound call's failure becomes. The asking actor decides whether to try again. */
export type OutboundDirective =
  | { readonly _tag: "Resume" }
  | { readonly _tag: "Defer" }
  | { readonly _tag: "Unknown" }

/** Nothing left the process (refused connection, open breaker): answered as deferred at once. */
export const Defer: OutboundDirective = { _tag: "Defer" }
/** Bytes may have left and no answer came: answered as unknown, never as failed. */
export const Unknown: OutboundDirective = { _tag: "Unknown" }

type IsAny<E> = 0 extends 1 & E ? true : false

/**
 * One entry per error tag. Everything that would make the table partial is refused by the
 * compiler: `any`, `unknown`, errors without a tag, and tags that are just `string`.
 */
type TableOver<E, D> = IsAny<E> extends true ? Refused<"the error channel is any: name its errors">
  : [E] extends [never] ? Readonly<Record<PropertyKey, never>>
  : unknown extends E ? Refused<"the error channel is unknown: name its errors">
  : [E] extends [{ readonly _tag: string }]
  // deno-lint-ignore ban-types
    ? {} extends Record<E["_tag"], 1>
      ? Refused<"an error's tag is not one literal: give each error its own literal tag">
    : { readonly [Tag in E["_tag"]]: D }
  : Refused<"an error has no _tag">

/** Shows its message where the compiler complains, and no value fits it. */
type Refused<Message extends string> = readonly [Message, never]

export type SupervisionTable<E> = TableOver<E, Directive>
export type OutboundTable<E> = TableOver<E, OutboundDirective>
