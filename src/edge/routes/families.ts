import { Effect, Schema } from "effect"
import { families, type Family, mailboxes, PARTITIONS } from "../../../streams/mailboxes.ts"
import { Nats } from "../../bus/connection.ts"
import { setFamily } from "../../bus/control.ts"
import { MerchantId } from "../../domain/identifiers.ts"
import { partitionOf } from "../../domain/partition.ts"
import { isStorable, Text } from "../../domain/text.ts"
import { WHY_CHARACTERS_MAX } from "../../runtime/order.ts"
import { KeyAside, keysAside } from "../../store/keysAside.ts"
import { operatorActions, OperatorActionView } from "../../store/operatorActions.ts"
import { actionOf, audit, conclude, newActionId, order, orderAnswers } from "../operate.ts"
import { problem, unavailable } from "../problem.ts"
import { read } from "../reading.ts"
import { type Asked, limitQuery, ok, type Route } from "../route.ts"
import { json, list } from "../shape.ts"

const LISTED_MAX = 500
const LISTED_DEFAULT = 100
const KEY_CHARACTERS_MAX = 255

const familyOf = Effect.fnUntraced(function* ({ path }: Asked) {
  const found = families.find(({ family }) => family === path["family"])
  if (found === undefined) {
    const names = families.map(({ family }) => family).join(", ")
    return yield* problem("family_not_found", `there is no such family: ${names}`)
  }
  return found
})

const isMerchant = Schema.is(MerchantId)

/** `merchant/key`: merchants hold no slash, keys may. */
const keyOf = Effect.fnUntraced(function* (text: string) {
  const slash = text.indexOf("/")
  const merchant = text.slice(0, Math.max(0, slash))
  const key = text.slice(slash + 1)
  if (!isMerchant(merchant) || key === "") {
    return yield* problem("invalid", "a key is named as merchant/key", {
      errors: [{ pointer: "/key", detail: "must be merchant/key" }]
    })
  }
  return { merchant, key }
})

const Asking = Schema.Struct({
  why: Text(WHY_CHARACTERS_MAX),
  /** One actor key, as `merchant/key`. Without it the whole family is meant. */
  key: Schema.optionalKey(Text(KEY_CHARACTERS_MAX))
})

const change = (action: "pause" | "resume") =>
  Effect.fnUntraced(function* (asked: Asked) {
    const { family, kind } = yield* familyOf(asked)
    const { key: named, why } = asked.body as typeof Asking.Type
    const id = newActionId()
    const who = asked.caller.name
    if (named === undefined) {
      yield* wholeMailbox(family)
      return yield* changeFamily({ id, who, action, family, why })
    }
    if (kind !== "keyed") {
      return yield* problem("invalid", `${family} calls the world and has no keys to hold`)
    }
    const { key, merchant } = yield* keyOf(named)
    return yield* order(
      { family, partition: partitionOf(merchant, PARTITIONS) },
      { id, who, action, family, merchant, actorKey: key, why },
      action === "pause"
        ? { order: action, action: id, merchant, key, why }
        : { order: action, action: id, merchant, key }
    )
  })

/** What shares a mailbox stands still and goes on together: nobody shall hold payments by holding their messages. */
const wholeMailbox = Effect.fnUntraced(function* (family: Family) {
  const { families } = mailboxes.find(({ families }) => families.includes(family))!
  const [first] = families
  if (family === first) return
  return yield* problem(
    "shared_mailbox",
    `${family} is decided in the turns of ${first}: name one key of it, or ${first}, and with it ` +
      families.slice(1).join(" and ")
  )
})

const changeFamily = Effect.fnUntraced(function* (action: {
  readonly id: string
  readonly who: string
  readonly action: "pause" | "resume"
  readonly family: string
  readonly why: string
}) {
  const { family, id, who, why } = action
  const { nc } = yield* Nats
  yield* audit(action)
  const state = action.action === "pause" ? "paused" : "running"
  const at = new Date().toISOString()
  const changed = yield* setFamily(nc, family, { state, by: who, why, at }).pipe(
    Effect.tapError(({ mayHold, message }) =>
      conclude(id, `${mayHold === true ? "unknown, it may hold" : "not done"}: ${message}`)
    ),
    Effect.mapError(({ mayHold }) =>
      unavailable(
        mayHold === true
          ? `it is not known whether ${family} is ${state}: ask again`
          : "the control bucket cannot be written now"
      )
    )
  )
  yield* conclude(id, changed ? state : `it was ${state} already`)
  return ok(yield* actionOf(id))
})

const keys = Effect.fnUntraced(function* (asked: Asked) {
  const { family } = yield* familyOf(asked)
  const limit = Number(asked.query["limit"] ?? LISTED_DEFAULT)
  return ok({ data: yield* read("edge.keys", (db) => keysAside(db, family, limit)) })
})

const actions = Effect.fnUntraced(function* ({ query }: Asked) {
  const limit = Number(query["limit"] ?? LISTED_DEFAULT)
  const deadLetter = query["dead_letter"]
  return ok({
    data: yield* read("edge.actions", (db) => operatorActions(db, { deadLetter }, limit))
  })
})

const action = Effect.fnUntraced(function* ({ path }: Asked) {
  const id = path["id"]!
  const found = isStorable(id) ? yield* actionOf(id) : undefined
  return found === undefined
    ? yield* problem("action_not_found", "there is no such action")
    : ok(found)
})

const changes = {
  answers: orderAnswers,
  problems: ["family_not_found", "shared_mailbox"]
} satisfies Partial<Route>

export const familyRoutes: ReadonlyArray<Route> = [
  {
    method: "POST",
    path: "/v1/operations/families/{family}/pause",
    summary: "Hold a whole family, or one key of it: letters wait, in order",
    operationId: "pauseFamily",
    tag: "Operations",
    audience: "operator",
    scope: "operations:write",
    body: Asking,
    ...changes,
    handle: change("pause")
  },
  {
    method: "POST",
    path: "/v1/operations/families/{family}/resume",
    summary: "Let a family go on, or one key of it, whatever held it",
    operationId: "resumeFamily",
    tag: "Operations",
    audience: "operator",
    scope: "operations:write",
    body: Asking,
    ...changes,
    handle: change("resume")
  },
  {
    method: "GET",
    path: "/v1/operations/families/{family}/keys",
    summary: "Keys set aside, those a person holds first",
    operationId: "listKeysAside",
    tag: "Operations",
    audience: "operator",
    scope: "operations:read",
    query: { limit: limitQuery(LISTED_MAX) },
    answers: { 200: list("The keys", KeyAside) },
    problems: ["family_not_found"],
    handle: keys
  },
  {
    method: "GET",
    path: "/v1/operations/actions",
    summary: "What operators did, the newest first",
    operationId: "listActions",
    tag: "Operations",
    audience: "operator",
    scope: "audit:read",
    query: {
      limit: limitQuery(LISTED_MAX),
      dead_letter: { schema: Text(64), about: "About this dead letter." }
    },
    answers: { 200: list("The actions", OperatorActionView) },
    handle: actions
  },
  {
    method: "GET",
    path: "/v1/operations/actions/{id}",
    summary: "One action and what came of it",
    operationId: "getAction",
    tag: "Operations",
    audience: "operator",
    scope: "audit:read",
    answers: { 200: json("The action", OperatorActionView) },
    problems: ["action_not_found"],
    handle: action
  }
]
