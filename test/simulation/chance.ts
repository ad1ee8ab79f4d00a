/** Every choice of a simulation comes from here: the same seed makes the same choices. */
export class Chance {
  private state: number

  constructor(seed: number) {
    this.state = (seed ^ 0x9e3779b9) >>> 0
  }

  /** From 0 to below 1 (mulberry32). */
  readonly next = (): number => {
    this.state = (this.state + 0x6d2b79f5) >>> 0
    let word = this.state
    word = Math.imul(word ^ (word >>> 15), word | 1)
    word ^= word + Math.imul(word ^ (word >>> 7), word | 61)
    return ((word ^ (word >>> 14)) >>> 0) / 4_294_967_296
  }

  readonly below = (limit: number): number => Math.floor(this.next() * limit)

  readonly between = (low: number, high: number): number => low + this.next() * (high - low)

  readonly happens = (share: number): boolean => share > 0 && this.next() < share

  readonly oneOf = <A>(choices: ReadonlyArray<A>): A => choices[this.below(choices.length)]!
}
