/** One fixed window per key. What is beyond waits for the next. */
const WINDOW_SECONDS = 1

interface Allowance {
  readonly allowed: boolean
  readonly policy: string
  readonly state: string
  readonly resetSeconds: number
}

/** Counts requests per API key and says so in the RateLimit headers (IETF draft 11). */
export class RateLimit {
  private readonly perWindow: number
  private windowStart = 0
  private counts = new Map<string, number>()

  constructor(requestsPerSecond: number) {
    this.perWindow = requestsPerSecond * WINDOW_SECONDS
  }

  take(key: string, nowMillis: number): Allowance {
    const start = Math.floor(nowMillis / (WINDOW_SECONDS * 1_000))
    if (start !== this.windowStart) {
      this.windowStart = start
      this.counts = new Map()
    }
    const used = (this.counts.get(key) ?? 0) + 1
    this.counts.set(key, used)
    return {
      allowed: used <= this.perWindow,
      policy: `"default";q=${this.perWindow};w=${WINDOW_SECONDS}`,
      state: `"default";r=${Math.max(0, this.perWindow - used)};t=${WINDOW_SECONDS}`,
      resetSeconds: WINDOW_SECONDS
    }
  }
}
