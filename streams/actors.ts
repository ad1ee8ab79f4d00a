import type { Effect, Result } from "effect"
import * as machine from "../src/runtime/actor.ts"
import type { OutboundTable, SupervisionTable } from "../src/runtime/supervision.ts"
import type { Database } from "../src/store/database.ts"
import type { Decision, Emission } from "./emissions.ts"
import type { FamilyOf, Mail } from "./mailboxes.ts"
import { changesOf } from "./messages/changes.ts"

/**
 * The machine takes an actor of any name, which reads anything and sends anything. One of ours is of a family
 * that has a mailbox, reads all that it takes, sends what its receivers read, and needs what a worker has.
 */
type Keyed<Of extends FamilyOf<"keyed">, State, Row, Code extends string, Config, E> =
  & Omit<machine.KeyedActor<Mail[Of], State, Row, Code, Config, E, Database>, "family">
  & { readonly family: Of; readonly tables: machine.FamilyTables }

type Outbound<Of extends FamilyOf<"outbound">, E, R extends Database> =
  & Omit<machine.OutboundActor<Mail[Of], E, R>, "family">
  & { readonly family: Of }

export const keyed = <
  const Of extends FamilyOf<"keyed">,
  State,
  Row,
  Code extends string,
  Config,
  E
>(
  actor:
    & Omit<
      Keyed<Of, State, Row, Code, Config, E>,
      "kind" | "changes" | "config" | "decide" | "supervision"
    >
    & {
      readonly config?: Keyed<Of, State, Row, Code, Config, E>["config"]
      readonly decide: (
        states: machine.States<State>,
        message: machine.MessageOf<Mail[Of]>,
        received: machine.Received<Config>
      ) => Result.Result<Decision<Of, State, Row>, machine.Refusal<Code>>
      readonly supervision: NoInfer<SupervisionTable<E>>
    }
): Keyed<Of, State, Row, Code, Config, E> => ({
  ...machine.keyed<Mail[Of], State, Row, Code, Config, E, Database>({
    changes: changesOf(actor.family),
    ...actor
  }),
  family: actor.family,
  tables: actor.tables
})

type Sent = ReadonlyArray<Emission>

export const outbound = <const Of extends FamilyOf<"outbound">, E, R extends Database>(
  actor:
    & Omit<Outbound<Of, E, R>, "kind" | "changes" | "call" | "supervision">
    & {
      readonly call: (
        ...call: Parameters<Outbound<Of, E, R>["call"]>
      ) => Effect.Effect<Sent, E, R>
      readonly deferred: (...call: Parameters<Outbound<Of, E, R>["deferred"]>) => Sent
      readonly unsent: (...call: Parameters<Outbound<Of, E, R>["unsent"]>) => Sent
      readonly unknown: (...call: Parameters<Outbound<Of, E, R>["unknown"]>) => Sent
      readonly supervision: NoInfer<OutboundTable<E>>
    }
): Outbound<Of, E, R> => ({
  ...machine.outbound<Mail[Of], E, R>({ changes: changesOf(actor.family), ...actor }),
  family: actor.family
})
