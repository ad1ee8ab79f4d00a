/** What is remembered for a while, of so many at most: the oldest goes first. */
export class Memory<A> {
  private readonly entries = new Map<string, { readonly value: A; readonly until: number }>()
  private readonly millis: number
  private readonly max: number

  constructor(millis: number, max: number) {
    this.millis = millis
    this.max = max
  }

  get(key: string, now: number): A | undefined {
    const entry = this.entries.get(key)
    return entry !== undefined && entry.until > now ? entry.value : undefined
  }

  keep(key: string, value: A, now: number): void {
    this.entries.delete(key)
    if (this.entries.size >= this.max) this.entries.delete(this.entries.keys().next().value!)
    this.entries.set(key, { value, until: now + this.millis })
  }

  drop(which: (value: A) => boolean): void {
    for (const [key, { value }] of this.entries) if (which(value)) this.entries.delete(key)
  }
}
