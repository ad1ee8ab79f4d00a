import { Effect, Schema } from "effect"
import { eventCursor, eventsAfter } from "../../store/events.ts"
import { secretOf } from "../access/keys.ts"
import { EventStreams } from "../eventStreams.ts"
import { problem } from "../problem.ts"
import { read } from "../reading.ts"
import {
  type Asked,
  limitOf,
  limitQuery,
  merchantOf,
  MerchantQuery,
  ok,
  type Route
} from "../route.ts"
import { Event, eventOf, EventStream } from "../resources/event.ts"
import { page, type Shape } from "../shape.ts"

const PAGE_MAX = 200
const STREAM = "text/event-stream"

const orStream = ({ about, content }: Shape): Shape => ({
  about,
  content: { ...content, [STREAM]: EventStream }
})

const list = Effect.fnUntraced(function* (asked: Asked) {
  const merchant = yield* merchantOf(asked)
  const given = asked.query["after"] ?? asked.header("last-event-id") ?? "0.0"
  const after = eventCursor(given)
  if (after === undefined) {
    return yield* problem("invalid_cursor", "after is the cursor of an event")
  }
  if (asked.header("accept")?.includes(STREAM) === true) {
    const streams = yield* EventStreams
    const secret = secretOf(asked.header("authorization"))
    const { expiresAt, from, id } = asked.caller
    return {
      status: 200,
      raw: yield* streams.open({
        merchant,
        after,
        caller: id,
        endsWith: from === undefined ? [id] : [id, from],
        until: expiresAt?.getTime() ?? Infinity,
        secret,
        signal: asked.signal
      }),
      headers: { "content-type": STREAM, "cache-control": "no-store" }
    }
  }
  const limit = limitOf(asked)
  const found = yield* read("edge.events", (db) => eventsAfter(db, merchant, after, limit + 1))
  const shown = found.slice(0, limit)
  return ok({
    data: shown.map(eventOf),
    has_more: found.length > limit,
    next_cursor: shown.at(-1)?.cursor ?? given
  })
})

export const eventRoutes: ReadonlyArray<Route> = [{
  method: "GET",
  path: "/v1/events",
  summary: "What happened, in order; live with Accept: text/event-stream",
  operationId: "listEvents",
  tag: "Events",
  audience: "merchant",
  scope: "events:read",
  query: {
    after: { schema: Schema.String, about: "The cursor of the last event seen." },
    limit: limitQuery(PAGE_MAX),
    merchant: MerchantQuery
  },
  answers: { 200: orStream(page("A page of events, or a stream of them", Event)) },
  problems: ["too_many_streams"],
  handle: list
}]
