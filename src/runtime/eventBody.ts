import { jsonOf } from "./draft.ts"

/** An event as its readers get it, in canonical JSON: made once when it is decided, and again from its row. */
export const eventBody = (event: {
  readonly id: string
  readonly type: string
  readonly about: string
  readonly merchant: string
  readonly atMillis: number
  readonly json: string
}): string =>
  `{"about":${jsonOf(event.about)},"at":${event.atMillis},"data":${event.json},` +
  `"event_id":"${event.id}","merchant":"${event.merchant}","type":"${event.type}"}`
