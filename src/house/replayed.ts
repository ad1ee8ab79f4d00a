import { familyTables, keyedActors } from "../../actors/register.ts"
import { mailboxes } from "../../streams/mailboxes.ts"
import { addressingOf, places } from "../../streams/places.ts"
import type { NatsLink } from "../bus/connection.ts"
import { trialBalance } from "../ledger/trialBalance.ts"
import { CHECKPOINTED, type ReplayRequest } from "../proof/replay/replay.ts"
import { BUNDLE_CALLS_MAX, BUNDLE_MESSAGES_MAX } from "../runtime/bundle.ts"
import type { Db } from "../store/database.ts"

/** Everything a checkpoint copies. */
export const checkpointTables: ReadonlyArray<string> = [
  ...Object.values(familyTables).flatMap(({ states }) => states),
  ...CHECKPOINTED
]

/** Currencies that do not balance in a shadow. Its journal may begin at a checkpoint, and is not asked. */
const unbalanced = async (db: Db): Promise<ReadonlyArray<string>> =>
  (await trialBalance(db))
    .filter((line) => line.difference !== "0" || line.pending_difference !== "0")
    .map(({ currency, difference, pending_difference }) =>
      `trial balance ${currency}: off by ${difference}, holds by ${pending_difference}`
    )

/** A replay of a family and of those it is decided with; undefined where there is no such keyed family. */
export const replayOf = (
  family: string,
  from: Pick<ReplayRequest, "databaseUrl" | "partition" | "checkpoint"> & { link: NatsLink }
): ReplayRequest | undefined => {
  const found = mailboxes.find(({ families, kind }) =>
    kind === "keyed" && families.some((member) => member === family)
  )
  if (found === undefined) return undefined
  const { families, mailbox, stream } = found
  const kept = families.flatMap((member) => familyTables[member] ?? [])
  const tables = {
    states: kept.flatMap(({ states }) => states),
    journals: kept.flatMap(({ journals }) => journals)
  }
  return {
    ...from,
    mailbox,
    actors: new Map(
      keyedActors.filter(({ family }) => families.some((member) => member === family))
        .map((actor) => [actor.family, actor])
    ),
    stream,
    tables,
    addressingOf: (partition) => addressingOf(mailbox, partition),
    bundleMaxOf: (target) =>
      places.outboundStreams.has(target) ? BUNDLE_CALLS_MAX : BUNDLE_MESSAGES_MAX,
    ...(tables.journals.includes("journal_entries") && { inspect: unbalanced })
  }
}
