import { randomUUID } from "node:crypto"
import { Effect } from "effect"
import { append } from "../bus/append.ts"
import { Nats } from "../bus/connection.ts"
import { derivedId } from "../domain/identifiers.ts"
import { type Order, orderMessage } from "../runtime/order.ts"
import { Database } from "../store/database.ts"
import {
  answerActions,
  keepAction,
  type OperatorAction,
  operatorActions,
  OperatorActionView
} from "../store/operatorActions.ts"
import { unavailable } from "./problem.ts"
import { read } from "./reading.ts"
import { type Answer, ok } from "./route.ts"
import { json } from "./shape.ts"

/** Partitions answer within milliseconds; one that is behind or paused answers later. */
const OUTCOME_WAIT_MILLIS = 2_000
const OUTCOME_LOOK_MILLIS = 40

export const newActionId = (): string => derivedId("act", randomUUID())

const noAudit = () => unavailable("the action cannot be written down now, so it was not done")

/** Who did what to what, when and why: written before it is done. */
export const audit = Effect.fnUntraced(function* (action: OperatorAction) {
  const database = yield* Database
  yield* database.query("edge.audit", (db) => keepAction(db, action)).pipe(
    Effect.mapError(noAudit)
  )
})

/** Writes down what came of an action nobody else answers. */
export const conclude = Effect.fnUntraced(function* (id: string, outcome: string) {
  const database = yield* Database
  yield* Effect.ignore(
    database.query("edge.audit", (db) => answerActions([{ id, outcome }]).execute(db))
  )
})

/** One action with what came of it, or undefined. */
export const actionOf = (id: string) =>
  Effect.map(read("edge.action", (db) => operatorActions(db, { id }, 1)), ([found]) => found)

/** Puts an order into its partition's mailbox and waits a moment for what comes of it. */
export const order = Effect.fnUntraced(function* (
  place: { readonly family: string; readonly partition: number },
  action: OperatorAction,
  order: Order
) {
  const { nc } = yield* Nats
  yield* audit(action)
  yield* append(nc, [orderMessage(place, order)]).pipe(
    Effect.catchTag(
      "JetStreamRefused",
      (error) =>
        conclude(action.id, `not sent: ${error.message}`).pipe(
          Effect.andThen(Effect.fail(unavailable("the mailbox takes nothing now")))
        )
    ),
    // Only the acknowledgement may be lost: then the partition says what came of it, in its turn.
    Effect.catchTag("BusUnavailable", () => Effect.void)
  )
  return yield* outcome(action.id)
})

export const orderAnswers = {
  200: json("What came of it", OperatorActionView),
  202: json("Taken; the partition answers in its turn", OperatorActionView)
}

/** 200 with the outcome where the partition answers at once, else 202: it answers in its turn. */
const outcome = Effect.fnUntraced(function* (id: string) {
  const until = Date.now() + OUTCOME_WAIT_MILLIS
  for (;;) {
    const found = yield* actionOf(id)
    if (found?.outcome != null) return ok(found)
    if (Date.now() >= until) {
      return {
        status: 202,
        body: found,
        headers: { location: `/v1/operations/actions/${id}` }
      } satisfies Answer
    }
    yield* Effect.sleep(OUTCOME_LOOK_MILLIS)
  }
})
