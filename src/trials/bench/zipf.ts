import type { Random } from "../random.ts"

/** Ranks from 0 on: the k-th comes up in proportion to 1 / k^exponent. */
export const zipf = (ranks: number, exponent: number, random: Random): () => number => {
  const sums: Array<number> = []
  let sum = 0
  for (let rank = 1; rank <= ranks; rank++) sums.push(sum += 1 / rank ** exponent)
  return () => {
    const wanted = random.next() * sum
    let [low, high] = [0, ranks - 1]
    while (low < high) {
      const middle = (low + high) >> 1
      if (sums[middle]! < wanted) low = middle + 1
      else high = middle
    }
    return low
  }
}
