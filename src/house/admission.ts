import { Effect } from "effect"
import { mailboxes } from "../../streams/mailboxes.ts"
import { topology } from "../../streams/topology.ts"
import { replicasOf } from "../bus/topology.ts"
import { guardMailbox } from "../runtime/admission.ts"
import type { Stack } from "../stack/stack.ts"
import type { LogSink } from "../telemetry/logs.ts"
import * as metrics from "../telemetry/metrics.ts"
import { startOffice } from "./office.ts"

/**
 * Stands for the office that watches how far the mailboxes are behind and closes their gates
 * (docs/protocol.md §6).
 */
export const startAdmission = (stack: Stack, holder: string, log: LogSink) =>
  startOffice({ stack, holder, log }, {
    name: "admission",
    role: "gate",
    connectionsMax: 2,
    work: ({ nc }) => guardAll(nc)
  })

const guardAll = (nc: Parameters<typeof guardMailbox>[0]) => {
  const specs = new Map(topology(replicasOf(nc)).map((spec) => [spec.name, spec]))
  return Effect.forEach(
    mailboxes.filter(({ kind }) => kind === "keyed"),
    ({ mailbox, stream }) => guardMailbox(nc, mailbox, specs.get(stream)!),
    { concurrency: "unbounded", discard: true }
  ).pipe(
    // Whoever watches next tells how far behind they are: two truths would be none.
    Effect.ensuring(Effect.sync(() => {
      metrics.lagMessages.reset()
      metrics.lagSeconds.reset()
    }))
  )
}
