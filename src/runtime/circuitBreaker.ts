/** Failures in a row that open the breaker. */
const FAILURES_MAX = 10
/** How long calls are held back before one probe is let through. */
const OPEN_MILLIS = 5_000

/** One destination's door: bounded concurrency, and closed for a while after many failures in a row. */
export class CircuitBreaker {
  private readonly concurrencyMax: number
  private inFlight = 0
  private failures = 0
  private openUntil = 0

  constructor(concurrencyMax: number) {
    this.concurrencyMax = concurrencyMax
  }

  /** True where a call may go now; it must then `leave`. */
  enter(nowMillis: number): boolean {
    if (this.inFlight >= this.concurrencyMax) return false
    if (this.failures >= FAILURES_MAX) {
      if (nowMillis < this.openUntil) return false
      // Half open: this call is the probe, the others wait for its result.
      this.openUntil = nowMillis + OPEN_MILLIS
    }
    this.inFlight++
    return true
  }

  leave(nowMillis: number, answered: boolean): void {
    this.inFlight--
    if (answered) {
      this.failures = 0
      return
    }
    this.failures++
    if (this.failures === FAILURES_MAX) this.openUntil = nowMillis + OPEN_MILLIS
  }

  /** It was not made after all: that says nothing of the destination, and another may be the probe. */
  withdraw(nowMillis: number): void {
    this.inFlight--
    if (this.failures >= FAILURES_MAX) this.openUntil = Math.min(this.openUntil, nowMillis)
  }

  isOpen(nowMillis: number): boolean {
    return this.failures >= FAILURES_MAX && nowMillis < this.openUntil
  }
}
