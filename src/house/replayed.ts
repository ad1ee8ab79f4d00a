import { mailboxes, PARTITIONS, sourceOf } from "../../streams/mailboxes.ts"
import { routesOf } from "../../streams/events.ts"
import { MESSAGE_BYTES_MAX } from "../../streams/topology.ts"
import { trialBalance } from "../ledger/trialBalance.ts"
import type { NatsLink } from "../bus/connection.ts"
import { CHECKPOINTED, type FamilyTables, type ReplayRequest } from "../proof/replay/replay.ts"
import { BUNDLE_CALLS_MAX, BUNDLE_MESSAGES_MAX } from "../runtime/bundle.ts"
import type { AnyKeyed } from "../runtime/registry.ts"
import type { Db } from "../store/database.ts"
import { actorsOf, outboundStreams, streamByFamily } from "./worker.ts"

/** Which family writes which table. A test goes red for a table that is nobody's. */
export const familyTables: Readonly<Record<string, FamilyTables>> = {
  payments: {
    states: [
      "payments",
      "payment_past",
      "payment_wakes",
      "payment_reviews",
      "disputes",
      "balances",
      "payouts",
      "transfers",
      "fx_quotes",
      "fx_conversions",
      "merchants",
      "refused_commands",
      "accounts",
      "holds"
    ],
    journals: ["journal_entries", "postings"]
  },
  fraud: { states: ["fraud_profiles"], journals: [] },
  messaging: {
    states: ["webhook_directories", "webhook_secrets", "webhook_deliveries"],
    journals: ["notifications"]
  },
  reconciliation: { states: ["recon_states", "recon_findings", "recon_closes"], journals: [] }
}

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

/** A replay of one of our families; undefined where there is no such keyed family. */
export const replayOf = (
  family: string,
  from: Pick<ReplayRequest, "databaseUrl" | "partition" | "checkpoint"> & { link: NatsLink }
): ReplayRequest | undefined => {
  const actor = actorsOf({ gateways: [], allowPrivateWebhooks: false })
    .find((one): one is AnyKeyed => one.kind === "keyed" && one.family === family)
  const tables = familyTables[family]
  const stream = mailboxes.find((one) => one.family === family)?.stream
  if (actor === undefined || tables === undefined || stream === undefined) return undefined
  return {
    ...from,
    actor,
    stream,
    tables,
    addressingOf: (partition) => ({
      family,
      partition,
      source: sourceOf(family, partition),
      streamOf: (name) => streamByFamily.get(name),
      partitions: PARTITIONS,
      routesOf,
      messageBytesMax: MESSAGE_BYTES_MAX
    }),
    bundleMaxOf: (target) => outboundStreams.has(target) ? BUNDLE_CALLS_MAX : BUNDLE_MESSAGES_MAX,
    ...(family === "payments" && { inspect: unbalanced })
  }
}
