import { Effect, Schema } from "effect"
import type { PageAfter } from "../../actors/payments/search.ts"
import { Database, type Db } from "../store/database.ts"
import { idempotencyKeyOf, type Intent, perform } from "./command.ts"
import { type Problem, problem } from "./problem.ts"
import { type CommandType, refusalsOf } from "./problems/commands.ts"
import { read } from "./reading.ts"
import { assertNamedTaken, assertNotRefused, CommandQuery } from "./refusals.ts"
import {
  type Asked,
  limitOf,
  limitQuery,
  merchantOf,
  MerchantQuery,
  ok,
  type Route,
  type Tag
} from "./route.ts"
import { json } from "./shape.ts"

const PAGE_MAX = 100
/** Of a page where nobody says. */
export const PAGE_DEFAULT = 20

/** What asks for a page of `listed`. */
export const pageQuery = {
  limit: limitQuery(PAGE_MAX),
  cursor: { schema: Schema.String, about: "The next_cursor of the page before." },
  merchant: MerchantQuery
}

type ShelfName = "payment" | "payout" | "transfer" | "quote" | "conversion"

/** Things of one kind, each of one merchant: commands make them, and they are looked up and listed. */
export interface Shelf<One extends { readonly id: string; readonly created_at: number }> {
  /** In the names of queries and problems. */
  readonly name: ShelfName
  /** `/v1/transfers` */
  readonly path: string
  readonly tag: Tag
  /** The commands about one. The first makes it. */
  readonly commands: readonly [CommandType, ...ReadonlyArray<CommandType>]
  /** What cannot be an identifier is looked for nowhere. */
  readonly id: RegExp
  readonly find: (db: Db, merchant: string, id: string) => Promise<One | undefined>
  readonly shown: (one: One) => unknown
  /** What is shown. */
  readonly resource: Schema.Codec<unknown, unknown>
}

/** Newest first. */
type List<One, Question> = (
  db: Db,
  merchant: string,
  page: Question & {
    readonly after?: PageAfter
    readonly status?: string
    readonly limit: number
  }
) => Promise<ReadonlyArray<One>>

export const invalidCursor = problem("invalid_cursor", "this cursor is not one of ours")

type Anything = { readonly id: string; readonly created_at: number }

export const notFound = ({ name }: { readonly name: ShelfName }): Problem =>
  problem(`${name}_not_found`, `there is no such ${name}`)

/** The one that a request names, or the problem that there is none. */
export const found = Effect.fnUntraced(function* <One extends Anything>(
  shelf: Shelf<One>,
  merchant: string,
  id: string
): Effect.fn.Return<One, Problem, Database> {
  const { find, id: pattern, name } = shelf
  const one = pattern.test(id)
    ? yield* read(`edge.${name}`, (db) => find(db, merchant, id))
    : undefined
  // Keys leave a part of some identifiers out.
  return one?.id === id ? one : yield* notFound(shelf)
})

/** Reads the one of this identifier. */
export const lookUp = <One extends Anything>(shelf: Shelf<One>, summary: string): Route => ({
  method: "GET",
  path: `${shelf.path}/{id}`,
  summary,
  operationId: `get${shelf.name[0]!.toUpperCase()}${shelf.name.slice(1)}`,
  tag: shelf.tag,
  audience: "merchant",
  scope: "ledger:read",
  query: { merchant: MerchantQuery, command: CommandQuery },
  answers: { 200: json(`The ${shelf.name}`, shelf.resource) },
  problems: [`${shelf.name}_not_found`, ...refusalsOf(...shelf.commands)],
  handle: Effect.fnUntraced(function* (asked: Asked) {
    const merchant = yield* merchantOf(asked)
    const about = asked.path["id"]!
    const one = yield* Effect.catchIf(
      found(shelf, merchant, about),
      ({ status }) => status === 404 && shelf.id.test(about),
      (nothing) =>
        Effect.andThen(
          assertNotRefused(merchant, { about, type: shelf.commands[0] }),
          Effect.fail(nothing)
        )
    )
    yield* assertNamedTaken(asked, merchant, about)
    return ok(shelf.shown(one))
  })
})

/** `placeOf` is what the list is sorted by among those of one millisecond, where it is not the identifier. */
export const listed = <One extends Anything, Question = object>(
  { name, shown }: Pick<Shelf<One>, "name" | "shown">,
  list: List<One, Question>,
  prefix: string,
  { placeOf = (id) => id, questionOf }: {
    readonly placeOf?: (id: string) => string
    /** What else is asked of those that are listed. */
    readonly questionOf?: (asked: Asked) => Effect.Effect<Question, Problem>
  } = {}
) => {
  const pattern = new RegExp(`^(\\d{1,15})\\.(${prefix}_[0-9a-z]{26})$`)
  return Effect.fnUntraced(function* (asked: Asked) {
    const merchant = yield* merchantOf(asked)
    const limit = limitOf(asked, PAGE_DEFAULT)
    const { cursor, status } = asked.query
    const [, createdMillis, id] = pattern.exec(cursor ?? "") ?? []
    if (cursor !== undefined && id === undefined) return yield* invalidCursor
    const question = questionOf === undefined ? {} as Question : yield* questionOf(asked)
    const some = yield* read(`edge.${name}s`, (db) =>
      list(db, merchant, {
        ...question,
        ...(id !== undefined && { after: { createdMillis: Number(createdMillis), id } }),
        ...(status !== undefined && { status }),
        limit: limit + 1
      }))
    const page = some.slice(0, limit)
    const last = page.at(-1)
    const more = some.length > limit && last !== undefined
    return ok({
      data: page.map(shown),
      has_more: more,
      next_cursor: more ? `${last.created_at}.${placeOf(last.id)}` : null
    })
  })
}

/** A command about one of them, made by it or there already. `idOf` names it by the idempotency key. */
export const command = Effect.fnUntraced(function* <One extends Anything>(
  asked: Asked,
  { find, name, path, shown }: Shelf<One>,
  type: string,
  about: {
    readonly merchant: string
    readonly idOf: (key: string) => string
    /** Beside what was sent. */
    readonly more?: Readonly<Record<string, unknown>>
    readonly isOutcome?: Intent["isOutcome"]
  }
) {
  const { isOutcome, merchant, more } = about
  const key = yield* idempotencyKeyOf(asked)
  const id = about.idOf(key)
  const database = yield* Database
  return yield* perform(asked, {
    family: "payments",
    type,
    merchant,
    about: id,
    location: `${path}/${id}`,
    body: { ...(asked.json as object), ...more, command_id: key },
    // An outage here only means waiting on.
    current: database.query(`edge.${name}`, (db) => find(db, merchant, id)).pipe(
      Effect.map((one) => one && shown(one)),
      Effect.orElseSucceed(() => undefined)
    ),
    ...(isOutcome !== undefined && { isOutcome })
  })
})
