/** One fixed window per key. What is beyond waits for the next. */
const WINDOW_SECONDS = 1

interface Allowance {
  readonly allowed: boolean
  readonly policy: string
  readonly state: string
  readonly resetSeconds: number
}

/** Who is counted: a key, and how often it may ask where it has a rate of its own. */
interface Limited {
  readonly id: string
  readonly requestsPerSecond: number | null
}

/** Counts requests per API key and says so in the RateLimit headers (IETF draft 11). */
export class RateLimit {
  private readonly perWindow: number
  private windowStart = 0
  private counts = new Map<string, number>()

  constructor(requestsPerSecond: number) {
    this.perWindow = requestsPerSecond * WINDOW_SECONDS
  }

  take({ id, requestsPerSecond }: Limited, nowMillis: number): Allowance {
    const quota = requestsPerSecond === null ? this.perWindow : requestsPerSecond * WINDOW_SECONDS
    const start = Math.floor(nowMillis / (WINDOW_SECONDS * 1_000))
    if (start !== this.windowStart) {
      this.windowStart = start
      this.counts = new Map()
    }
    const used = (this.counts.get(id) ?? 0) + 1
    this.counts.set(id, used)
    return {
      allowed: used <= quota,
      policy: `"default";q=${quota};w=${WINDOW_SECONDS}`,
      state: `"default";r=${Math.max(0, quota - used)};t=${WINDOW_SECONDS}`,
      resetSeconds: WINDOW_SECONDS
    }
  }
}
