import { Effect, Schema } from "effect"
import { families, PARTITIONS } from "../../../streams/mailboxes.ts"
import type { NatsLink } from "../../bus/connection.ts"
import { escalationsOf, familyControl } from "../../bus/control.ts"
import { type Lease, leaseNow, leasesClock } from "../../bus/holder.ts"
import { consumerLag, partitionLag } from "../../bus/lag.ts"
import type { CursorView, KeysCounted } from "../../store/machine.ts"

/** Older escalations are history. */
const ESCALATIONS_SHOWN_MILLIS = 600_000

type Nc = NatsLink["nc"]

export const FamilyState = Schema.Struct({
  family: Schema.String,
  /** The family in whose turns it is decided: itself, or the first of those that share a mailbox. */
  mailbox: Schema.String,
  kind: Schema.Literals(["keyed", "outbound"]),
  paused: Schema.NullOr(
    Schema.Struct({ by: Schema.String, why: Schema.String, at: Schema.String })
  ),
  escalations: Schema.Array(
    Schema.Struct({
      at: Schema.String,
      partition: Schema.Int,
      worker: Schema.String,
      detail: Schema.String
    })
  ),
  lag_messages: Schema.optionalKey(Schema.NullOr(Schema.Int)),
  partitions: Schema.Array(
    Schema.Struct({
      partition: Schema.Int,
      owner: Schema.String,
      /** Since the owner proved that it lives, or gave the partition back. */
      lease_age_seconds: Schema.NullOr(Schema.Finite),
      epoch: Schema.Int,
      lag_messages: Schema.NullOr(Schema.Int),
      lag_seconds: Schema.Finite,
      parked: Schema.Int,
      quarantined: Schema.Int,
      paused: Schema.Int
    })
  )
}).annotate({ identifier: "FamilyState" })
export type FamilyState = typeof FamilyState.Type

/** Each family as it is now: paused or not, what escalated of late, who owns what and how far behind it is. */
export const familyStates = Effect.fnUntraced(function* (
  nc: Nc,
  { aside, cursors }: {
    readonly cursors: ReadonlyArray<CursorView>
    readonly aside: ReadonlyArray<KeysCounted>
  }
) {
  const clock = yield* leasesClock(nc)
  return yield* Effect.forEach(
    families,
    Effect.fnUntraced(function* ({ family, kind, mailbox, stream }) {
      // A release of another number may have left cursors of partitions that are none.
      const own = cursors.filter((one) => one.mailbox === mailbox && one.partition < PARTITIONS)
      const [control, escalations, found, waiting] = yield* Effect.all([
        controlOf(nc, mailbox),
        recentEscalations(nc, mailbox),
        Effect.forEach(own, (one) => {
          const keys = aside.find((keys) =>
            keys.family === family && keys.partition === one.partition
          )
          return partitionState(nc, { family, stream }, one, keys, clock)
        }, { concurrency: "unbounded" }),
        // Calls to the world are shared by all workers: nobody owns a partition of them.
        kind === "outbound" ? consumerLag(nc, stream, family) : Effect.succeed(undefined)
      ], { concurrency: "unbounded" })
      return {
        family,
        mailbox,
        kind,
        paused: control?.state !== "paused"
          ? null
          : { by: control.by, why: control.why, at: control.at },
        escalations,
        ...(waiting !== undefined && { lag_messages: waiting }),
        partitions: found
      }
    }),
    { concurrency: "unbounded" }
  )
})

/** Families that share a mailbox stand still together, under the name of the first. */
const controlOf = (nc: Nc, mailbox: string) =>
  familyControl(nc, mailbox).pipe(Effect.orElseSucceed(() => undefined))

const recentEscalations = (nc: Nc, mailbox: string) =>
  escalationsOf(nc, mailbox).pipe(
    Effect.orElseSucceed(() => []),
    Effect.map((recent) =>
      recent
        .filter(({ at }) => Date.now() - Date.parse(at) < ESCALATIONS_SHOWN_MILLIS)
        .map(({ at, detail, partition, worker }) => ({ at, partition, worker, detail }))
    )
  )

const partitionState = (
  nc: Nc,
  { family, stream }: { readonly family: string; readonly stream: string },
  { epoch, mailbox, owner, partition, seq }: CursorView,
  keys: KeysCounted | undefined,
  clock: number
) => {
  const read = {
    stream,
    consumer: `${mailbox}-${partition}`,
    // Of this family alone, whoever else the mailbox is for.
    filter: `${family}.${partition}.>`
  }
  return Effect.all([
    partitionLag(nc, read, seq),
    // Without an answer what PostgreSQL remembers is the best guess.
    leaseNow(nc, `${mailbox}.${partition}`, clock).pipe(
      Effect.orElseSucceed((): Lease => ({ holder: owner, ageMillis: undefined }))
    )
  ], { concurrency: "unbounded" }).pipe(
    Effect.map(([lag, { ageMillis, holder }]) => ({
      partition,
      owner: holder,
      /** Since the owner proved that it lives, or gave the partition back. */
      lease_age_seconds: ageMillis === undefined ? null : Math.round(ageMillis / 100) / 10,
      epoch,
      lag_messages: lag.messages,
      lag_seconds: Math.round(lag.seconds * 10) / 10,
      parked: keys?.parked ?? 0,
      quarantined: keys?.quarantined ?? 0,
      paused: keys?.paused ?? 0
    }))
  )
}
