import { Effect } from "effect"
import { mailboxes } from "../../../streams/mailboxes.ts"
import { request } from "../../bus/api.ts"
import type { NatsLink } from "../../bus/connection.ts"
import { query } from "../query.ts"

/** A partition that went to another owner, and for how long nothing of it was committed though it could have been. */
export interface Gap {
  /** `payments.3` */
  readonly slot: string
  /** Revision of the lease under which it went on. */
  readonly epoch: number
  /** When the first turn of the new owner was committed. */
  readonly atMillis: number
  readonly millis: number
}

interface Moved {
  readonly family: string
  readonly partition: number
  readonly first_seq: string
  readonly epoch: string
  readonly at: number
  readonly before: number
}

/** Every change of owner since then, by the turns that were committed before and after it. */
export const gapsSince = async (
  databaseUrl: string,
  link: NatsLink,
  sinceMillis: number
): Promise<ReadonlyArray<Gap>> => {
  const moved: ReadonlyArray<Moved> = await query(
    databaseUrl,
    `select family, partition, first_seq, epoch, at, before from (
       select family, partition, first_seq, epoch_revision as epoch,
         lag(epoch_revision) over mine as epoch_before,
         (extract(epoch from committed_at) * 1000)::float8 as at,
         (extract(epoch from lag(committed_at) over mine) * 1000)::float8 as before
       from turns window mine as (partition by family, partition order by last_seq)
     ) turns where epoch <> epoch_before and at > $1 order by at`,
    [sinceMillis]
  )
  return await Promise.all(
    moved.map(async ({ at, before, epoch, family, first_seq, partition }) => {
      const { stream } = mailboxes.find((one) => one.mailbox === family)!
      const { message } = await Effect.runPromise(
        request<{ message: { time: string } }>(link.nc, `STREAM.MSG.GET.${stream}`, {
          seq: Number(first_seq)
        })
      )
      const since = Math.max(before, Date.parse(message.time))
      return {
        slot: `${family}.${partition}`,
        epoch: Number(epoch),
        atMillis: at,
        millis: Math.max(0, Math.round(at - since))
      }
    })
  )
}
