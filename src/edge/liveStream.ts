import { eventOf } from "./resources/event.ts"
import { eventCursor, type EventRecord, isLater } from "../store/events.ts"

/** A place in the order of a merchant's events. */
export type Place = readonly [string, string]

/** A stream says something this often, so that proxies keep it open. */
const BEAT_MILLIS = 15_000
/** Text that waits for a slow reader. It reads for itself from there on, as fast as it takes it. */
const WAITING_BYTES_MAX = 256 * 1024

export interface StreamAsked {
  readonly merchant: string
  readonly after: Place
  /** Whose it is. */
  readonly caller: string
  /** It ends with these, and at this time, in milliseconds. */
  readonly endsWith: ReadonlyArray<string>
  readonly until: number
  /** A key's. */
  readonly secret: string | undefined
  readonly signal: AbortSignal
}

/** An event as all its readers get it. */
interface Told {
  readonly place: Place
  readonly text: string
}

export const toldOf = (event: EventRecord): Told => ({
  place: eventCursor(event.cursor)!,
  text: `id: ${event.cursor}\nevent: ${event.type}\n` +
    `data: ${JSON.stringify(eventOf(event))}\n\n`
})

const utf8 = new TextEncoder()

/** One reader: every event once, in order, from where it left off. */
export class LiveStream {
  readonly asked: StreamAsked
  readonly readable: ReadableStream<Uint8Array>
  after: Place
  behind = true
  ended = false
  private spokeAt = Date.now()
  private readonly gone: () => void
  private controller!: ReadableStreamDefaultController<Uint8Array>

  constructor(
    asked: StreamAsked,
    { catchUp, gone }: { readonly catchUp: () => Promise<void>; readonly gone: () => void }
  ) {
    this.asked = asked
    this.after = asked.after
    this.gone = gone
    this.readable = new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.controller = controller
        controller.enqueue(utf8.encode(": open\n\n"))
      },
      pull: async () => {
        while (this.behind && !this.ended && !this.isFull()) await catchUp()
      },
      cancel: () => this.left()
    }, { highWaterMark: WAITING_BYTES_MAX, size: (chunk) => chunk.byteLength })
    asked.signal.addEventListener("abort", () => this.end(), { once: true })
  }

  /** False where it has to read for itself from now on: it is slower than what happens. */
  tell(events: ReadonlyArray<Told>): boolean {
    if (this.ended) return false
    const fresh = events.filter(({ place }) => isLater(place, this.after))
    if (fresh.length > 0 && this.isFull()) this.behind = true
    else if (fresh.length > 0) {
      this.say(fresh.map(({ text }) => text).join(""))
      this.after = fresh.at(-1)!.place
    }
    return !this.behind
  }

  beat(now: number): void {
    if (now - this.spokeAt > BEAT_MILLIS && !this.isFull()) this.say(": still here\n\n")
  }

  private isFull(): boolean {
    return (this.controller.desiredSize ?? 0) <= 0
  }

  end(): void {
    if (this.ended) return
    this.left()
    this.controller.close()
  }

  private left(): void {
    this.ended = true
    this.gone()
  }

  private say(text: string): void {
    this.spokeAt = Date.now()
    this.controller.enqueue(utf8.encode(text))
  }
}
