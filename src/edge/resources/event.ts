import { Schema } from "effect"
import { Time } from "../../../streams/resources/parts.ts"
import type { EventRecord } from "../../store/events.ts"
import { shownMoment } from "../../domain/moment.ts"

/** `data` is the body that the event's type has in the catalogue. */
export const Event = Schema.Struct({
  id: Schema.String,
  type: Schema.String,
  about: Schema.String,
  at: Time,
  data: Schema.Unknown
}).annotate({ identifier: "Event" })

/** What a reader sees of an event. */
export const eventOf = ({ about, at, data, id, type }: EventRecord): typeof Event.Type => ({
  id,
  type,
  about,
  at: shownMoment(at),
  data
})

const isEvent = Schema.is(Event)

const isTold = (line: string): boolean => {
  if (!line.startsWith("data: ")) return true
  try {
    return isEvent(JSON.parse(line.slice("data: ".length)))
  } catch {
    return false
  }
}

/** A live stream: `id` is the cursor, `event` the type, and `data` the event as JSON. */
export const EventStream = Schema.String.check(
  Schema.makeFilter((stream: string) =>
    stream.split("\n").every(isTold) || "every datum of the stream is an Event"
  )
).annotate({
  description:
    "Server-sent events: `id` is the event's cursor (`Last-Event-ID` goes on from it), " +
    "`event` its type, and `data` an Event as JSON."
})
