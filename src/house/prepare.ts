import { Effect } from "effect"
import { type Mailbox, mailboxes } from "../../streams/mailboxes.ts"
import type { BusClient } from "../bus/connection.ts"
import { applyPlan, planTopology, replicasOf } from "../bus/topology.ts"
import { checkStack } from "../stack/checks.ts"
import type { Progress, Stack } from "../stack/stack.ts"
import { migrated } from "./migrated.ts"
import { agreed, connectedAs, declaredTopology, planAs } from "./topology/declared.ts"
import { assertRoom } from "./topology/room.ts"

/** Makes a stack ready: servers checked, migrations applied, streams there. Drift is told, not changed. */
export const prepare = async (
  stack: Stack,
  progress: Progress,
  layout: ReadonlyArray<Mailbox> = mailboxes
): Promise<void> => {
  await checkStack(stack)
  // Before the tables are another version's: whoever is refused goes on with the one that made the streams.
  agreed(await planAs(stack, "admin", layout))
  const applied = await migrated(stack.databaseUrl, layout)
  if (applied.length > 0) progress(`Migrations applied: ${applied.join(", ")}`)
  const plan = await connectedAs(stack, "admin", createMissing(stack, layout))
  const created = plan.steps.filter(({ action }) => action === "create")
  if (created.length > 0) {
    progress(`Created: ${created.map(({ name }) => name).join(", ")}`)
  }
  for (const step of plan.steps) {
    if (step.action === "create") continue
    for (const { declared, found, setting } of step.differences) {
      progress(
        `${step.name} differs from its declaration: ${setting} is ${JSON.stringify(found)}, ` +
          `declared ${JSON.stringify(declared)}. It was left as it is; ` +
          "lastro topology apply changes what can be changed."
      )
    }
  }
}

/** Creates the streams, buckets and consumers that are not there. Answers what was found. */
export const createMissing = (stack: Stack, layout: ReadonlyArray<Mailbox> = mailboxes) =>
  Effect.fnUntraced(function* (nc: BusClient) {
    const declared = declaredTopology(replicasOf(nc), layout)
    const plan = agreed(yield* planTopology(nc, declared, Date.now()))
    const missing = { ...plan, steps: plan.steps.filter(({ action }) => action === "create") }
    yield* Effect.promise(() => assertRoom(stack, missing, declared, replicasOf(nc)))
    yield* applyPlan(nc, declared, missing)
    return plan
  })
