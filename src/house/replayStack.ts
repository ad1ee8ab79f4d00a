import { Effect } from "effect"
import { open } from "../bus/connection.ts"
import { replayMailbox, type ReplayReport } from "../proof/replay/replay.ts"
import { type Stack, StackError } from "../stack/stack.ts"
import { replayOf } from "./replayed.ts"

/** One family of a running stack, with those it is decided with. Reads with a worker's rights. */
export const replayStack = (
  stack: Stack,
  family: string,
  from: { readonly checkpoint: string | undefined; readonly partition: number | undefined }
): Promise<ReplayReport> => {
  const { password, user } = stack.nats.worker
  const { databaseUrl, natsUrls: urls } = stack
  return Effect.runPromise(
    Effect.scoped(Effect.gen(function* () {
      const link = yield* open({ urls, user, password, name: "lastro-replay" })
      const request = replayOf(family, { ...from, databaseUrl, link })
      if (request === undefined) throw new StackError(`${family} keeps no state to be replayed.`)
      return yield* replayMailbox(request)
    })).pipe(
      Effect.catchTag("NotReplayable", ({ detail }) => Effect.die(new StackError(`${detail}.`)))
    )
  )
}
