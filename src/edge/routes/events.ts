import { Effect, Schema } from "effect"
import { Database } from "../../store/database.ts"
import { eventCursor, type EventRecord, eventsAfter } from "../../store/events.ts"
import { problem } from "../problem.ts"
import { read } from "../reading.ts"
import { type Asked, limitQuery, merchantOf, MerchantQuery, ok, type Route } from "../route.ts"

const PAGE_MAX = 200
const PAGE_DEFAULT = 50
const STREAM_POLL_MILLIS = 500
/** A stream says something this often, so that proxies keep it open. */
const STREAM_BEAT_MILLIS = 15_000

type Place = readonly [string, string]

const shown = (event: EventRecord) => ({
  id: event.id,
  type: event.type,
  about: event.about,
  at: new Date(event.at).toISOString(),
  data: event.data
})

const list = Effect.fnUntraced(function* (asked: Asked) {
  const merchant = yield* merchantOf(asked)
  const given = asked.query["after"] ?? asked.header("last-event-id") ?? "0.0"
  const after = eventCursor(given)
  if (after === undefined) {
    return yield* problem(400, "invalid_cursor", "after is the cursor of an event")
  }
  if (asked.header("accept")?.includes("text/event-stream") === true) {
    const database = yield* Database
    return {
      status: 200,
      raw: stream(database, merchant, after, asked.signal),
      headers: { "content-type": "text/event-stream", "cache-control": "no-store" }
    }
  }
  const limit = Number(asked.query["limit"] ?? PAGE_DEFAULT)
  const found = yield* read("edge.events", (db) => eventsAfter(db, merchant, after, limit + 1))
  const page = found.slice(0, limit)
  return ok({
    data: page.map(shown),
    has_more: found.length > limit,
    next_cursor: page.at(-1)?.cursor ?? given
  })
})

/** Every event once, in order, from where the reader left off: `id` is the cursor. */
const stream = (
  database: Database["Service"],
  merchant: string,
  start: Place,
  signal: AbortSignal
): ReadableStream<Uint8Array> => {
  const utf8 = new TextEncoder()
  let after = start
  let spokeAt = Date.now()
  return new ReadableStream({
    start: (controller) => controller.enqueue(utf8.encode(": open\n\n")),
    pull: async (controller) => {
      while (!signal.aborted) {
        const events = await Effect.runPromise(
          database.query("edge.stream", (db) => eventsAfter(db, merchant, after, PAGE_MAX)).pipe(
            Effect.orElseSucceed(() => [])
          )
        )
        if (events.length > 0 || Date.now() - spokeAt > STREAM_BEAT_MILLIS) {
          spokeAt = Date.now()
          after = eventCursor(events.at(-1)?.cursor ?? "") ?? after
          const text = events.map((event) =>
            `id: ${event.cursor}\nevent: ${event.type}\ndata: ${JSON.stringify(shown(event))}\n\n`
          ).join("")
          return controller.enqueue(utf8.encode(text === "" ? ": still here\n\n" : text))
        }
        await new Promise((resolve) => setTimeout(resolve, STREAM_POLL_MILLIS))
      }
      controller.close()
    }
  })
}

export const eventRoutes: ReadonlyArray<Route> = [{
  method: "GET",
  path: "/v1/events",
  summary: "What happened, in order; live with Accept: text/event-stream",
  audience: "merchant",
  query: {
    after: { schema: Schema.String, about: "The cursor of the last event seen." },
    limit: limitQuery(PAGE_MAX),
    merchant: MerchantQuery
  },
  answers: { 200: "A page of events, or a stream of them" },
  handle: list
}]
