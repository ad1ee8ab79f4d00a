import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { fnv1a, NoPartitionCount, partitionCount, partitionOf } from "../../src/domain/partition.ts"

/** From the public-domain test suite of Fowler, Noll and Vo (test_fnv.c). */
const vectors: ReadonlyArray<readonly [text: string, hash: number]> = [
  ["", 0x811c9dc5],
  ["a", 0xe40c292c],
  ["b", 0xe70c2de5],
  ["c", 0xe60c2c52],
  ["d", 0xe10c2473],
  ["e", 0xe00c22e0],
  ["f", 0xe30c2799],
  ["fo", 0x6222e842],
  ["foo", 0xa9f37ed7],
  ["foob", 0x3f5076ef],
  ["fooba", 0x39aaa18a],
  ["foobar", 0xbf9cf968],
  ["ch", 0x5f299f4e],
  ["cho", 0xef8580f3],
  ["chongo was here!\n", 0xd49930d5]
]

/** The definition, in integers that cannot overflow. */
const byDefinition = (text: string): number =>
  Number(
    new TextEncoder().encode(text).reduce(
      (hash, byte) => ((hash ^ BigInt(byte)) * 0x01000193n) % 2n ** 32n,
      0x811c9dc5n
    )
  )

describe("a routing key falls into the partition the server computes", () => {
  it("gives the published hash for each published text", () => {
    for (const [text, hash] of vectors) expect(fnv1a(text), JSON.stringify(text)).toBe(hash)
  })

  it("follows the definition for any text, over its UTF-8 bytes", () => {
    fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => {
      expect(fnv1a(text)).toBe(byDefinition(text))
    }))
  })

  it("is an unsigned number also where the top bit is set", () => {
    expect(fnv1a("a")).toBeGreaterThan(2 ** 31)
  })

  it("is a whole number below the number of partitions, the same every time", () => {
    const partitions = fc.integer({ min: 1, max: 1_024 })
    fc.assert(fc.property(fc.string(), partitions, (key, count) => {
      const partition = partitionOf(key, count)
      expect(Number.isInteger(partition) && partition >= 0 && partition < count).toBe(true)
      expect(partitionOf(key, count)).toBe(partition)
    }))
  })

  it("keeps known merchants where they have always been", () => {
    const homes = { acme: 7, evil: 7, seller_a: 6, "m-1": 2, "m-2": 7 }
    for (const [key, home] of Object.entries(homes)) expect(partitionOf(key, 8), key).toBe(home)
  })

  it("uses every one of eight partitions about evenly", () => {
    const counts = new Array<number>(8).fill(0)
    for (let index = 0; index < 8_000; index++) counts[partitionOf(`merchant-${index}`, 8)]! += 1
    for (const count of counts) expect(Math.abs(count - 1_000)).toBeLessThan(150)
  })
})

describe("how many partitions a deployment has", () => {
  it("is four where nobody chose", () => {
    expect([partitionCount(undefined), partitionCount("")]).toEqual([4, 4])
  })

  it("is any whole number from 1 to 64", () => {
    expect(["1", "2", "08", "64"].map(partitionCount)).toEqual([1, 2, 8, 64])
  })

  it.each(["0", "65", "128", "-1", "2.5", "1e1", "four", " "])("is never %j", (chosen) => {
    expect(() => partitionCount(chosen)).toThrow(NoPartitionCount)
    expect(() => partitionCount(chosen)).toThrow(
      `LASTRO_PARTITIONS is a whole number from 1 to 64, not ${JSON.stringify(chosen)}.`
    )
  })
})
