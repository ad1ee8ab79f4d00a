/** How often one gateway may be called: a second's worth may go at once, then as they come back. */
export class Pace {
  private readonly perSecond: number | undefined
  private left: number
  private atMillis = 0

  constructor(perSecond: number | undefined) {
    this.perSecond = perSecond
    this.left = perSecond ?? 0
  }

  /** True where a call may go now. */
  take(nowMillis: number): boolean {
    if (this.perSecond === undefined) return true
    const earned = (Math.max(0, nowMillis - this.atMillis) * this.perSecond) / 1_000
    this.left = Math.min(this.perSecond, this.left + earned)
    this.atMillis = Math.max(this.atMillis, nowMillis)
    if (this.left < 1) return false
    this.left--
    return true
  }
}
