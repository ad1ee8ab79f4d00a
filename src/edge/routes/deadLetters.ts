import { Effect, Schema } from "effect"
import { families } from "../../../streams/mailboxes.ts"
import { isStorable, Text } from "../../domain/text.ts"
import { WHY_CHARACTERS_MAX } from "../../runtime/order.ts"
import {
  deadLetterContent,
  deadLetterCursor,
  type DeadLetterFilter,
  deadLetterList,
  DeadLetterView
} from "../../store/deadLetterList.ts"
import { discardDeadLetter } from "../../store/deadLetters.ts"
import { type OperatorAction, operatorActions } from "../../store/operatorActions.ts"
import { momentQuery } from "../moment.ts"
import { actionOf, audit, conclude, newActionId, order, orderAnswers } from "../operate.ts"
import { problem } from "../problem.ts"
import { read } from "../reading.ts"
import { type Asked, limitOf, limitQuery, MerchantQuery, ok, type Route } from "../route.ts"
import { DeadLetterContent } from "../resources/deadLetter.ts"
import { json, page } from "../shape.ts"
import { invalidCursor } from "../shelf.ts"

const PAGE_MAX = 200
const ACTIONS_SHOWN = 50

const oneOf = (about: string, ...values: ReadonlyArray<string>) => ({
  schema: Schema.Literals(values),
  about
})
const named = (about: string) => ({ schema: Text(255), about })
const find = Effect.fnUntraced(function* (id: string) {
  const [found] = isStorable(id)
    ? yield* read("edge.deadLetter", (db) => deadLetterList(db, { id, status: "all" }, 1))
    : []
  if (found === undefined) {
    return yield* problem(
      "dead_letter_not_found",
      `there is no dead letter ${id.slice(0, 60)}`
    )
  }
  const { cursor: _, ...letter } = found
  return letter
})

const list = Effect.fnUntraced(function* (asked: Asked) {
  const { cursor, limit: _, ...filter } = asked.query
  const after = cursor === undefined ? undefined : deadLetterCursor(cursor)
  if (cursor !== undefined && after === undefined) {
    return yield* invalidCursor
  }
  const limit = limitOf(asked)
  const wanted: DeadLetterFilter = { ...filter, ...(after && { after }) }
  const found = yield* read("edge.deadLetters", (db) => deadLetterList(db, wanted, limit + 1))
  const shown = found.slice(0, limit)
  const more = found.length > limit
  return ok({
    data: shown.map(({ cursor: _, ...letter }) => letter),
    has_more: more,
    next_cursor: more ? shown.at(-1)!.cursor : null
  })
})

/** The letter's own content may hold personal data: that somebody read it is written down. */
const show = Effect.fnUntraced(function* ({ caller, path }: Asked) {
  const letter = yield* find(path["id"]!)
  const { family, id } = letter
  yield* audit({
    id: newActionId(),
    who: caller.name,
    action: "show",
    family,
    deadLetter: id,
    why: "to read it",
    outcome: "shown"
  })
  const content = yield* read("edge.deadLetter", (db) => deadLetterContent(db, id))
  const actions = yield* read(
    "edge.actions",
    (db) => operatorActions(db, { deadLetter: id }, ACTIONS_SHOWN)
  )
  return ok({ ...letter, ...content, ...bodyOf(content?.body), actions })
})

/** As text where it is text. */
const bodyOf = (body: Uint8Array | undefined) => {
  try {
    return { body: new TextDecoder("utf-8", { fatal: true }).decode(body) }
  } catch {
    return { body: undefined, body_base64: Buffer.from(body ?? []).toString("base64") }
  }
}

const Why = Schema.Struct({ why: Text(WHY_CHARACTERS_MAX) })

const settle = (action: "replay" | "discard") =>
  Effect.fnUntraced(function* ({ body, caller, path }: Asked) {
    const { family, id, partition, status } = yield* find(path["id"]!)
    if (status !== "open") {
      return yield* problem("dead_letter_settled", `this dead letter was ${status} already`)
    }
    const actionId = newActionId()
    const { why } = body as typeof Why.Type
    const wanted = { id: actionId, who: caller.name, action, family, deadLetter: id, why }
    if (isOutbound(family)) return yield* settleCall(wanted, id)
    return yield* order({ family, partition }, wanted, {
      order: action,
      action: actionId,
      dead_letter: id
    })
  })

const isOutbound = (family: string): boolean =>
  families.some((one) => one.family === family && one.kind === "outbound")

/** Calls have no partition that takes orders: what becomes of one that nobody can read is decided here. */
const settleCall = Effect.fnUntraced(function* (wanted: OperatorAction, id: string) {
  if (wanted.action === "replay") {
    yield* audit({ ...wanted, outcome: "a call that cannot be read is not made: discard it" })
  } else {
    yield* audit(wanted)
    yield* read("edge.settleCall", (db) => discardDeadLetter(db, id))
    yield* conclude(wanted.id, "discarded")
  }
  return ok(yield* actionOf(wanted.id))
})

const settled = {
  answers: orderAnswers,
  problems: ["dead_letter_not_found", "dead_letter_settled"]
} satisfies Partial<Route>

export const deadLetterRoutes: ReadonlyArray<Route> = [
  {
    method: "GET",
    path: "/v1/dead-letters",
    summary: "Letters set aside for a person, the newest first",
    operationId: "listDeadLetters",
    tag: "Operations",
    audience: "operator",
    scope: "operations:read",
    query: {
      family: named("Of this family."),
      reason: oneOf("Why it was set aside.", "malformed", "defect", "failed"),
      merchant: MerchantQuery,
      key: named("Of this actor key."),
      status: oneOf("`open` where not given.", "open", "replayed", "discarded", "all"),
      since: momentQuery("Set aside at or after this time."),
      until: momentQuery("Set aside before this time."),
      limit: limitQuery(PAGE_MAX),
      cursor: { schema: Schema.String, about: "The next_cursor of the page before." }
    },
    answers: { 200: page("A page of dead letters", DeadLetterView) },
    handle: list
  },
  {
    method: "GET",
    path: "/v1/dead-letters/{id}",
    summary:
      "One dead letter with its content and what was done about it; that it was read is kept",
    operationId: "getDeadLetter",
    tag: "Operations",
    audience: "operator",
    scope: "personal_data:read",
    answers: { 200: json("The dead letter", DeadLetterContent) },
    problems: ["dead_letter_not_found"],
    handle: show
  },
  {
    method: "POST",
    path: "/v1/dead-letters/{id}/replay",
    summary: "Decide it once more, once however often it is asked",
    operationId: "replayDeadLetter",
    tag: "Operations",
    audience: "operator",
    scope: "dead_letters:settle",
    body: Why,
    ...settled,
    handle: settle("replay")
  },
  {
    method: "POST",
    path: "/v1/dead-letters/{id}/discard",
    summary: "Be done with it undecided; a key it held goes on without it",
    operationId: "discardDeadLetter",
    tag: "Operations",
    audience: "operator",
    scope: "dead_letters:settle",
    body: Why,
    ...settled,
    handle: settle("discard")
  }
]
