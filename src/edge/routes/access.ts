import { Effect, Schema } from "effect"
import { isRole, type Role, roles } from "../../domain/role.ts"
import { isScope, merchantScopes, operatorScopes, type Scope } from "../../domain/scope.ts"
import { isStorable, Text } from "../../domain/text.ts"
import {
  AccessKey,
  accessKeys,
  createAccessKey,
  revokeAccessKey,
  rotateAccessKey
} from "../../store/accessKeys.ts"
import { canBeRange } from "../guards/ranges.ts"
import { newActionId } from "../operate.ts"
import { type Problem, problem } from "../problem.ts"
import { read } from "../reading.ts"
import { type Asked, MerchantQuery, ok, type Route } from "../route.ts"
import { json, list } from "../shape.ts"

const WORDS_MAX = 50
const NAME_CHARACTERS_MAX = 100
const WHY_CHARACTERS_MAX = 500
const RATE_MAX = 100_000
const GRACE_SECONDS_MAX = 30 * 86_400
const GRACE_SECONDS_DEFAULT = 86_400

const word = (is: (text: string) => boolean, wrong: string) =>
  Schema.String.check(Schema.makeFilter((text: string) => is(text) || wrong))

const NewKeyFields = Schema.Struct({
  name: Text(NAME_CHARACTERS_MAX),
  why: Text(WHY_CHARACTERS_MAX),
  scopes: Schema.optionalKey(
    Schema.Array(word(isScope, "is no scope")).check(Schema.isMaxLength(WORDS_MAX))
  ),
  role: Schema.optionalKey(word(isRole, "is no role")),
  expires_at: Schema.optionalKey(
    word((text) => Date.parse(text) > Date.now(), "must be a time that is to come")
  ),
  addresses: Schema.optionalKey(
    Schema.Array(word(canBeRange, "is no range of addresses"))
      .check(Schema.isMaxLength(WORDS_MAX))
  ),
  requests_per_second: Schema.optionalKey(
    Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: RATE_MAX }))
  ),
  test: Schema.optionalKey(Schema.Boolean)
})
const Why = Schema.Struct({ why: Text(WHY_CHARACTERS_MAX) })
const Rotation = Schema.Struct({
  why: Text(WHY_CHARACTERS_MAX),
  grace_seconds: Schema.optionalKey(
    Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: GRACE_SECONDS_MAX }))
  )
})

/** Whose keys are meant: a merchant's own, or for the platform's people those of the merchant they name. */
const whoseOf = ({ caller, query }: Asked): string | undefined =>
  caller.merchant === "" ? query["merchant"] : caller.merchant

const orderedBy = ({ body, caller }: Asked) => ({
  action: newActionId(),
  who: caller.name,
  why: (body as typeof Why.Type).why
})

const notFound = () => problem("key_not_found", "there is no such key, or it lives no more")

/** Nobody gives what they have not got. */
const assertOwn = (
  { caller }: Asked,
  scopes: ReadonlyArray<Scope>
): Effect.Effect<void, Problem> => {
  const missing = scopes.find((scope) => !caller.granted.has(scope))
  return missing === undefined ? Effect.void : Effect.fail(
    problem("insufficient_scope", `nobody gives what they have not got: ${missing}`, {
      scope: missing
    })
  )
}

const scopesOfRole = (role: string | undefined, merchant: string) => {
  if (role === undefined) return Effect.succeed([])
  const { scopes, side } = roles[role as Role]
  return side === (merchant === "" ? "platform" : "merchant")
    ? Effect.succeed(scopes)
    : Effect.fail(problem("invalid", "the body is not valid", {
      errors: [{ pointer: "/role", detail: "is a role of the other side" }]
    }))
}

const create = Effect.fnUntraced(function* (asked: Asked) {
  const body = asked.body as typeof NewKeyFields.Type
  const merchant = whoseOf(asked) ?? ""
  const usual = merchant === "" ? operatorScopes : merchantScopes
  const scopes = (body.scopes ?? (body.role === undefined ? usual : [])) as ReadonlyArray<Scope>
  yield* assertOwn(asked, [...scopes, ...yield* scopesOfRole(body.role, merchant)])
  const made = yield* read("edge.access.create", (db) =>
    createAccessKey(db, {
      name: body.name,
      merchant,
      scopes,
      role: body.role as Role | undefined,
      test: merchant !== "" && body.test === true,
      addresses: body.addresses ?? [],
      requestsPerSecond: body.requests_per_second,
      expiresAt: body.expires_at === undefined ? undefined : new Date(body.expires_at)
    }, orderedBy(asked)))
  return { status: 201, body: { ...made.key, secret: made.secret } }
})

const keysListed = Effect.fnUntraced(function* (asked: Asked) {
  const merchant = whoseOf(asked)
  return ok({ data: yield* read("edge.access.keys", (db) => accessKeys(db, { merchant })) })
})

/** Whose key a request names; what can be no identifier is not asked for. */
const wantedOf = (asked: Asked) => {
  const id = asked.path["id"]!
  return isStorable(id) ? Effect.succeed({ id, merchant: whoseOf(asked) }) : Effect.fail(notFound())
}

/** The key that a request names, where its caller may know of it. */
const named = Effect.fnUntraced(function* (asked: Asked) {
  const wanted = yield* wantedOf(asked)
  const [key] = yield* read("edge.access.key", (db) => accessKeys(db, wanted))
  return key ?? (yield* notFound())
})

const scopesOf = ({ role, scopes }: AccessKey): ReadonlyArray<Scope> => [
  ...scopes,
  ...(role !== null && isRole(role) ? roles[role].scopes : [])
]

const rotate = Effect.fnUntraced(function* (asked: Asked) {
  const wanted = yield* wantedOf(asked)
  // The new secret is worth what the key is.
  yield* assertOwn(asked, scopesOf(yield* named(asked)))
  const grace = (asked.body as typeof Rotation.Type).grace_seconds ?? GRACE_SECONDS_DEFAULT
  const made = yield* read(
    "edge.access.rotate",
    (db) => rotateAccessKey(db, wanted, grace, orderedBy(asked))
  )
  return made === undefined ? yield* notFound() : ok({ ...made.key, secret: made.secret })
})

const revoke = Effect.fnUntraced(function* (asked: Asked) {
  const wanted = yield* wantedOf(asked)
  const ended = yield* read(
    "edge.access.revoke",
    (db) => revokeAccessKey(db, wanted, orderedBy(asked))
  )
  return ended === undefined ? yield* notFound() : ok(ended)
})

const KeyWithSecret = Schema.Struct({ ...AccessKey.fields, secret: Schema.String })
  .annotate({ identifier: "AccessKeyWithSecret" })

const shared = {
  tag: "Access",
  audience: "merchant",
  scope: "access:manage",
  query: { merchant: { ...MerchantQuery, about: "The platform's people only: whose keys." } }
} as const

export const accessRoutes: ReadonlyArray<Route> = [
  {
    method: "POST",
    path: "/v1/access/keys",
    summary: "Make a key that may at most what its maker may; its secret is shown once",
    operationId: "createAccessKey",
    ...shared,
    body: NewKeyFields,
    answers: { 201: json("The key with its secret", KeyWithSecret) },
    handle: create
  },
  {
    method: "GET",
    path: "/v1/access/keys",
    summary: "Keys, the newest first",
    operationId: "listAccessKeys",
    ...shared,
    answers: { 200: list("Every key, without its secret", AccessKey) },
    handle: keysListed
  },
  {
    method: "GET",
    path: "/v1/access/keys/{id}",
    summary: "A key as it is now",
    operationId: "getAccessKey",
    ...shared,
    answers: { 200: json("The key", AccessKey) },
    problems: ["key_not_found"],
    handle: (asked) => Effect.map(named(asked), (key) => ok(key))
  },
  {
    method: "POST",
    path: "/v1/access/keys/{id}/rotate",
    summary: "Give a key a second secret; the first ends after the grace, a day by default",
    operationId: "rotateAccessKey",
    ...shared,
    body: Rotation,
    answers: { 200: json("The key with its new secret", KeyWithSecret) },
    problems: ["key_not_found"],
    handle: rotate
  },
  {
    method: "POST",
    path: "/v1/access/keys/{id}/revoke",
    summary: "End a key, and what is open with it",
    operationId: "revokeAccessKey",
    ...shared,
    body: Why,
    answers: { 200: json("The key", AccessKey) },
    problems: ["key_not_found"],
    handle: revoke
  }
]
