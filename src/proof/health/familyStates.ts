import { Effect } from "effect"
import { mailboxes, PARTITIONS } from "../../../streams/mailboxes.ts"
import type { NatsLink } from "../../bus/connection.ts"
import { escalationsOf, familyControl } from "../../bus/control.ts"
import { type Lease, leaseNow, leasesClock } from "../../bus/holder.ts"
import { consumerLag, partitionLag } from "../../bus/lag.ts"
import type { CursorView } from "../../store/machine.ts"

/** Older escalations are history. */
const ESCALATIONS_SHOWN_MILLIS = 600_000

type Nc = NatsLink["nc"]

/** Each family as it is now: paused or not, what escalated of late, who owns what and how far behind it is. */
export const familyStates = Effect.fnUntraced(function* (
  nc: Nc,
  partitions: ReadonlyArray<CursorView>
) {
  const clock = yield* leasesClock(nc)
  return yield* Effect.forEach(
    mailboxes,
    Effect.fnUntraced(function* ({ family, kind, stream }) {
      // A release of another number may have left cursors of partitions that are none.
      const own = partitions.filter((one) => one.family === family && one.partition < PARTITIONS)
      const [control, escalations, found, waiting] = yield* Effect.all([
        familyControl(nc, family).pipe(Effect.orElseSucceed(() => undefined)),
        recentEscalations(nc, family),
        Effect.forEach(own, (one) => partitionState(nc, stream, one, clock), {
          concurrency: "unbounded"
        }),
        // Calls to the world are shared by all workers: nobody owns a partition of them.
        kind === "outbound" ? consumerLag(nc, stream, family) : Effect.succeed(undefined)
      ], { concurrency: "unbounded" })
      return {
        family,
        kind,
        paused: control?.state === "paused"
          ? { by: control.by, why: control.why, at: control.at }
          : null,
        escalations,
        ...(waiting !== undefined && { lag_messages: waiting }),
        partitions: found
      }
    }),
    { concurrency: "unbounded" }
  )
})

export type FamilyState = Effect.Success<ReturnType<typeof familyStates>>[number]

const recentEscalations = (nc: Nc, family: string) =>
  escalationsOf(nc, family).pipe(
    Effect.orElseSucceed(() => []),
    Effect.map((recent) =>
      recent
        .filter(({ at }) => Date.now() - Date.parse(at) < ESCALATIONS_SHOWN_MILLIS)
        .map(({ at, detail, partition, worker }) => ({ at, partition, worker, detail }))
    )
  )

const partitionState = (nc: Nc, stream: string, one: CursorView, clock: number) => {
  const { epoch, family, parked, partition, paused, quarantined, seq } = one
  return Effect.all([
    partitionLag(nc, { stream, family, partition }, seq),
    // Without an answer what PostgreSQL remembers is the best guess.
    leaseNow(nc, `${family}.${partition}`, clock).pipe(
      Effect.orElseSucceed((): Lease => ({ holder: one.owner, ageMillis: undefined }))
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
      parked,
      quarantined,
      paused
    }))
  )
}
