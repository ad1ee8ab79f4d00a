import { Effect } from "effect"
import { mailboxes, PARTITIONS } from "../../../streams/mailboxes.ts"
import type { NatsLink } from "../../bus/connection.ts"
import { partitionFilter } from "../../bus/ingress.ts"
import { consumerLag } from "../../bus/lag.ts"
import { lastOn } from "../../bus/tail.ts"
import { query } from "../query.ts"
import type { WorkerProcess } from "./workers.ts"

const LOOK_EVERY_MILLIS = 200
const LOG_LINES = 12
const LOG_WIDTH = 300

/** Mailboxes with messages nobody decided and calls nobody answered, by name. */
const behind = async (databaseUrl: string, { nc }: NatsLink): Promise<ReadonlyArray<string>> => {
  const cursors = await query(databaseUrl, "select family, partition, seq from cursors")
  const late: Array<string> = []
  for (const { kind, mailbox, stream } of mailboxes) {
    if (kind === "outbound") {
      const lag = await Effect.runPromise(consumerLag(nc, stream, mailbox))
      if (lag !== 0) late.push(`${mailbox}: ${lag}`)
      continue
    }
    for (let partition = 0; partition < PARTITIONS; partition++) {
      const last = await Effect.runPromise(lastOn(nc, stream, partitionFilter(partition)))
      const cursor = cursors.find((row) => row.family === mailbox && row.partition === partition)
      if (Number(cursor?.seq ?? 0) < (last?.seq ?? 0)) late.push(`${mailbox}.${partition}`)
    }
  }
  return late
}

/** Payments, payouts and transfers that wait for somebody, by status. */
const openPayments = (databaseUrl: string) =>
  query(
    databaseUrl,
    `select status, count(*)::int from payments
     where status in ('screening', 'processing', 'unknown', 'requires_action')
       or doc::jsonb->'attempts' @? '$[*] ? (@.status == "sent" || @.status == "deferred"
         || @.status == "unknown")'
     group by status
     union all select status, count(*)::int from payouts
     where status in ('in_transit', 'unknown') group by status
     union all select 'sent', count(*)::int from transfers where doc->>'status' = 'sent'
     having count(*) > 0`
  )

/**
 * Waits until nothing is under way any more: mailboxes decided, calls answered, payments at rest.
 * Resolves with what still is and what the workers said last, or with nothing.
 */
export const untilQuiet = async (
  databaseUrl: string,
  link: NatsLink,
  workers: ReadonlyArray<WorkerProcess>,
  millis: number
): Promise<string> => {
  const end = Date.now() + millis
  let seen: unknown
  while (Date.now() < end) {
    try {
      const late = await behind(databaseUrl, link)
      const open = await openPayments(databaseUrl)
      if (late.length === 0 && open.length === 0) return ""
      seen = { late, open }
    } catch (error) {
      seen = String(error)
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MILLIS))
  }
  const logs = workers.map(({ log, name }) =>
    `${name}: ${log.slice(-LOG_LINES).map((line) => line.slice(0, LOG_WIDTH)).join("\n  ")}`
  )
  return `not at rest after ${millis} ms: ${JSON.stringify(seen)}\n${logs.join("\n")}`
}
