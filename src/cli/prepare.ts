import { Effect } from "effect"
import { migrations } from "../../migrations/index.ts"
import { topology } from "../../streams/topology.ts"
import { open } from "../bus/connection.ts"
import { applyTopology, replicasOf } from "../bus/topology.ts"
import { checkStack } from "../stack/checks.ts"
import type { Progress, Stack } from "../stack/stack.ts"
import { migrate } from "../store/migrate.ts"

/** Makes a stack ready: servers checked, migrations applied, streams there. Drift is told, not changed. */
export const prepare = async (stack: Stack, progress: Progress): Promise<void> => {
  await checkStack(stack)
  const applied = await migrate(stack.databaseUrl, migrations)
  if (applied.length > 0) progress(`Migrations applied: ${applied.join(", ")}`)
  const { password, user } = stack.nats.admin
  const report = await Effect.runPromise(Effect.scoped(
    open({ urls: stack.natsUrls, user, password, name: "lastro-topology" }).pipe(
      Effect.flatMap(({ nc }) => applyTopology(nc, topology(replicasOf(nc))))
    )
  ))
  if (report.created.length > 0) progress(`Streams created: ${report.created.join(", ")}`)
  for (const { declared, found, setting, stream } of report.drift) {
    progress(
      `Stream ${stream} differs from its declaration: ${setting} is ${JSON.stringify(found)}, ` +
        `declared ${JSON.stringify(declared)}. It was left as it is.`
    )
  }
}
