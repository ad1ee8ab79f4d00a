import { isDeepStrictEqual } from "node:util"
import { Effect, Schema } from "effect"
import { defaultTerms, Terms } from "../../actors/payments/state.ts"
import { PARTITIONS } from "../../streams/mailboxes.ts"
import { Routing } from "../../streams/messages/routing.ts"
import { append } from "../bus/append.ts"
import { open } from "../bus/connection.ts"
import type { Stack } from "../stack/stack.ts"
import { connect } from "../store/database.ts"
import { latestConfigs } from "../store/takeover.ts"

const encodeRouting = Schema.encodeSync(Routing)
const encodeTerms = Schema.encodeSync(Terms)

const partitions = Array.from({ length: PARTITIONS }, (_, partition) => partition)

/**
 * Makes this table the one that payments are routed by, from the next payment on: one atomic batch
 * with one message for each partition (PROTOCOL §8). Nothing is sent where it is the table already.
 */
export const publishRouting = async (stack: Stack, routing: Routing): Promise<void> => {
  const wanted = encodeRouting(routing)
  const db = connect(stack.databaseUrl, 1)
  const known = await latestConfigs(db, "payments").finally(() => db.destroy())
  const docOf = (partition: number) =>
    (known.get(partition)?.doc ?? encodeTerms(defaultTerms)) as { readonly routing?: unknown }
  if (partitions.every((partition) => isDeepStrictEqual(docOf(partition).routing, wanted))) return
  // A version of the clock is above one that was sent and is not yet taken.
  const version = Math.max(Date.now(), ...[...known.values()].map(({ version }) => version + 1))
  const { password, user } = stack.nats.admin
  await Effect.runPromise(Effect.scoped(
    open({ urls: stack.natsUrls, user, password, name: "lastro-routing" }).pipe(
      Effect.flatMap(({ nc }) =>
        append(
          nc,
          partitions.map((partition) => ({
            subject: `payments.${partition}.control`,
            headers: [],
            payload: JSON.stringify({
              version,
              config: { ...docOf(partition), routing: wanted }
            })
          }))
        )
      )
    )
  ))
}
