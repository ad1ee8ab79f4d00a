import type { Call } from "../desk.ts"
import type { Book } from "./book.ts"
import type { Hook } from "./webhooks.ts"

/** How the gateway is at present. */
export interface State {
  readonly book: Book
  outage: boolean
  delayMillis: number
  url: string
  hook?: Hook
  hostile?: Hostile
}

/** A gateway that is slow, silent, late and untruthful, but honours keys and keeps its book. */
export interface Hostile {
  readonly seed: number
  readonly met: Set<string>
  /** Operations that are still to be done, long after anybody waits for them. */
  late: number
  questions: number
}

export const notFound = (call: Call) => call.json({ code: "not_found" }, 404)
