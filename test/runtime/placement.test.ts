import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { fnv1a } from "../../src/domain/partition.ts"
import { slotKey } from "../../src/runtime/placement.ts"
import { ownerOf } from "../../src/runtime/rendezvous.ts"
import { mailboxes, PARTITIONS } from "../../streams/mailboxes.ts"

/** The slots of a real installation, and enough of them to measure a spread. */
const real = mailboxes.flatMap(({ mailbox }) =>
  Array.from({ length: PARTITIONS }, (_, partition) => slotKey({ mailbox, partition }))
)
const many = mailboxes.flatMap(({ mailbox }) =>
  Array.from({ length: 512 }, (_, partition) => slotKey({ mailbox, partition }))
)

const name = fc.oneof(
  fc.nat({ max: 99 }).map((index) => `worker-${index}`),
  fc.nat({ max: 99_999 }).map((pid) => `host-${pid}`),
  fc.string({ unit: "grapheme-ascii", minLength: 1, maxLength: 20 })
)
const members = fc.uniqueArray(name, { minLength: 1, maxLength: 8 })

const sharesOf = (workers: ReadonlyArray<string>, slots: ReadonlyArray<string>) => {
  const shares = new Map(workers.map((worker) => [worker, 0]))
  for (const slot of slots) {
    const owner = ownerOf(workers, slot)!
    shares.set(owner, shares.get(owner)! + 1)
  }
  return shares
}

describe("every worker computes the same owner of a slot", () => {
  it("names one of the members, whatever order they are listed in", () => {
    fc.assert(fc.property(members, fc.constantFrom(...real), (workers, slot) => {
      const owner = ownerOf(workers, slot)
      expect(workers).toContain(owner)
      expect(ownerOf([...workers].reverse(), slot)).toBe(owner)
      expect(ownerOf([...workers].sort(), slot)).toBe(owner)
    }))
  })

  it("names nobody where nobody is there, and the only one where one is", () => {
    expect(ownerOf([], "payments.0")).toBeUndefined()
    expect(real.every((slot) => ownerOf(["alone"], slot) === "alone")).toBe(true)
  })
})

describe("two members of equal weight", () => {
  it("leaves a slot to the same one of them in any order", () => {
    // A known pair of words with one FNV-1a hash, and so with one weight for every slot.
    const pair = ["costarring", "liquid"]
    expect(fnv1a("costarring|payments.0")).toBe(fnv1a("liquid|payments.0"))
    for (const slot of real) expect(ownerOf(pair, slot)).toBe(ownerOf(pair.toReversed(), slot))
  })
})

describe("a member that joins or leaves moves only its own share", () => {
  it("takes slots for itself when it joins and moves none between the others", () => {
    fc.assert(fc.property(members, name, (workers, joining) => {
      fc.pre(!workers.includes(joining))
      for (const slot of real) {
        const after = ownerOf([...workers, joining], slot)
        if (after !== joining) expect(after).toBe(ownerOf(workers, slot))
      }
    }))
  })

  it("gives its slots to the others when it leaves and moves none of theirs", () => {
    fc.assert(fc.property(members, fc.nat(), (workers, pick) => {
      const leaving = workers[pick % workers.length]!
      const rest = workers.filter((worker) => worker !== leaving)
      for (const slot of real) {
        const before = ownerOf(workers, slot)
        if (before !== leaving) expect(ownerOf(rest, slot)).toBe(before)
        else expect(ownerOf(rest, slot)).not.toBe(leaving)
      }
    }))
  })

  it("moves about one slot in n when the n-th joins", () => {
    for (let count = 2; count <= 8; count++) {
      const workers = Array.from({ length: count }, (_, index) => `worker-${index}`)
      const before = workers.slice(0, -1)
      const moved = many.filter((slot) => ownerOf(before, slot) !== ownerOf(workers, slot)).length
      const fair = many.length / count
      expect(moved, `${count} workers`).toBeGreaterThan(fair * 0.85)
      expect(moved, `${count} workers`).toBeLessThan(fair * 1.15)
    }
  })

  it("spreads what a leaving member had over all of the others", () => {
    const workers = ["a", "b", "c", "d"]
    const orphans = many.filter((slot) => ownerOf(workers, slot) === "d")
    const fair = orphans.length / 3
    for (const share of sharesOf(["a", "b", "c"], orphans).values()) {
      expect(share).toBeGreaterThan(fair * 0.75)
      expect(share).toBeLessThan(fair * 1.25)
    }
  })
})

describe("slots are spread evenly", () => {
  it("gives each of up to 8 workers a fair share of many slots, whatever their names", () => {
    fc.assert(
      fc.property(members, (workers) => {
        const fair = many.length / workers.length
        for (const [worker, share] of sharesOf(workers, many)) {
          expect(share, worker).toBeGreaterThan(fair * 0.7)
          expect(share, worker).toBeLessThan(fair * 1.3)
        }
      }),
      { numRuns: 40 }
    )
  })

  it("leaves no worker of a small installation without work", () => {
    for (const count of [2, 3, 4]) {
      const workers = Array.from({ length: count }, (_, index) => `worker-${index}`)
      for (const share of sharesOf(workers, real).values()) expect(share).toBeGreaterThan(0)
    }
  })
})
