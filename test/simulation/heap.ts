/** What comes first leaves first. */
export class Heap<A> {
  private readonly items: Array<A> = []
  private readonly isBefore: (left: A, right: A) => boolean

  constructor(isBefore: (left: A, right: A) => boolean) {
    this.isBefore = isBefore
  }

  readonly push = (item: A): void => {
    const { isBefore, items } = this
    let index = items.push(item) - 1
    while (index > 0) {
      const parent = (index - 1) >> 1
      if (!isBefore(item, items[parent]!)) break
      items[index] = items[parent]!
      index = parent
    }
    items[index] = item
  }

  readonly pop = (): A | undefined => {
    const { isBefore, items } = this
    const first = items[0]
    const last = items.pop()
    if (first === undefined || items.length === 0) return first
    let index = 0
    for (;;) {
      let child = 2 * index + 1
      if (child >= items.length) break
      if (child + 1 < items.length && isBefore(items[child + 1]!, items[child]!)) child++
      if (!isBefore(items[child]!, last!)) break
      items[index] = items[child]!
      index = child
    }
    items[index] = last!
    return first
  }
}
