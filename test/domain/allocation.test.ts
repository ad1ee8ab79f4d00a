import { Result, Schema } from "effect"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import {
  allocate,
  feeOf,
  refundLegs,
  Share,
  shareWeights,
  stepTowards
} from "../../src/domain/allocation.ts"

const sum = (amounts: ReadonlyArray<bigint>): bigint => amounts.reduce((all, one) => all + one, 0n)

const weights = fc.array(fc.bigInt({ min: 0n, max: 1_000_000n }), { minLength: 1, maxLength: 21 })
  .filter((all) => sum(all) > 0n)
const total = fc.bigInt({ min: 0n, max: 10n ** 15n })
/** Small amounts meet rounding far more often than large ones. */
const legs = fc.array(fc.bigInt({ min: 0n, max: 40n }), { minLength: 1, maxLength: 8 })
  .filter((all) => sum(all) > 0n)

/** Cuts a whole into positive parts at random places. */
const cuts = (whole: bigint): fc.Arbitrary<Array<bigint>> =>
  fc.uniqueArray(fc.bigInt({ min: 1n, max: whole }), { maxLength: 12 }).map((places) => {
    const ends = [...new Set([...places, whole])].sort((left, right) => (left < right ? -1 : 1))
    return ends.map((end, index) => end - (ends[index - 1] ?? 0n))
  })

describe("an allocation gives everything away, and no more", () => {
  it("sums to the total exactly, whatever the weights", () => {
    fc.assert(fc.property(total, weights, (amount, by) => {
      expect(sum(allocate(amount, by))).toBe(amount)
    }))
  })

  it("keeps every part within one minor unit of its exact share", () => {
    fc.assert(fc.property(total, weights, (amount, by) => {
      const all = sum(by)
      allocate(amount, by).forEach((part, index) => {
        const off = part * all - amount * by[index]!
        expect(off > -all && off < all).toBe(true)
      })
    }))
  })

  it("gives the same to a part whose exact share is whole, and nothing to a weight of zero", () => {
    fc.assert(fc.property(total, weights, (amount, by) => {
      const all = sum(by)
      allocate(amount, by).forEach((part, index) => {
        if ((amount * by[index]!) % all === 0n) expect(part).toBe((amount * by[index]!) / all)
      })
    }))
  })

  it("never gives a smaller remainder the unit that a greater one went without", () => {
    fc.assert(fc.property(total, weights, (amount, by) => {
      const all = sum(by)
      const judged = allocate(amount, by).map((part, index) => ({
        remainder: (amount * by[index]!) % all,
        up: part > (amount * by[index]!) / all
      }))
      const up = judged.filter((one) => one.up).map(({ remainder }) => remainder)
      const down = judged.filter((one) => !one.up).map(({ remainder }) => remainder)
      for (const taken of up) for (const left of down) expect(taken >= left).toBe(true)
    }))
  })

  it("breaks ties for the earlier part", () => {
    expect(allocate(100n, [1n, 1n, 1n])).toEqual([34n, 33n, 33n])
    expect(allocate(5n, [1n, 1n])).toEqual([3n, 2n])
    expect(allocate(2n, [1n, 1n, 1n, 1n])).toEqual([1n, 1n, 0n, 0n])
  })

  it("is the same at any scale of the weights", () => {
    fc.assert(fc.property(total, weights, fc.bigInt({ min: 1n, max: 1_000n }), (amount, by, k) => {
      expect(allocate(amount, by.map((weight) => weight * k))).toEqual(allocate(amount, by))
    }))
  })

  it("refuses a negative total, a negative weight, and weights that sum to nothing", () => {
    expect(() => allocate(-1n, [1n])).toThrow(RangeError)
    expect(() => allocate(1n, [2n, -1n])).toThrow(RangeError)
    expect(() => allocate(1n, [0n, 0n])).toThrow(RangeError)
    expect(() => allocate(1n, [])).toThrow(RangeError)
  })
})

describe("any sequence of partial refunds adds up leg by leg", () => {
  const sequence = legs.chain((captured) =>
    fc.record({ captured: fc.constant(captured), amounts: cuts(sum(captured)) })
  )

  it("sums each refund exactly, never takes a leg back, never goes beyond its capture", () => {
    fc.assert(
      fc.property(sequence, ({ amounts, captured }) => {
        let refunded = captured.map(() => 0n)
        for (const amount of amounts) {
          const step = refundLegs(captured, refunded, amount)
          expect(sum(step)).toBe(amount)
          step.forEach((leg, index) => {
            expect(leg >= 0n).toBe(true)
            expect(refunded[index]! + leg <= captured[index]!).toBe(true)
          })
          refunded = refunded.map((leg, index) => leg + step[index]!)
        }
      }),
      { numRuns: 1_000 }
    )
  })

  it("ends with exactly the capture of every leg once everything is refunded", () => {
    fc.assert(
      fc.property(sequence, ({ amounts, captured }) => {
        const refunded = amounts.reduce(
          (before, amount) =>
            refundLegs(captured, before, amount).map((leg, index) => leg + before[index]!),
          captured.map(() => 0n)
        )
        expect(refunded).toEqual(captured)
      }),
      { numRuns: 1_000 }
    )
  })

  it("does not take back what a leg already gave where largest remainder would", () => {
    const captured = [6n, 6n, 2n]
    expect(allocate(10n, captured)).toEqual([4n, 4n, 2n])
    expect(allocate(11n, captured)).toEqual([5n, 5n, 1n])
    expect(refundLegs(captured, [4n, 4n, 2n], 1n)).toEqual([1n, 0n, 0n])
  })

  it("refuses a refund of nothing, of less, and of more than is left", () => {
    expect(() => refundLegs([5n], [0n], 0n)).toThrow(RangeError)
    expect(() => refundLegs([5n], [0n], -1n)).toThrow(RangeError)
    expect(() => refundLegs([5n], [0n], 6n)).toThrow(RangeError)
    expect(() => refundLegs([5n, 5n], [3n, 3n], 5n)).toThrow(RangeError)
  })

  it("steps by exactly the amount towards any targets that lie that far ahead", () => {
    fc.assert(
      fc.property(legs, fc.infiniteStream(fc.bigInt({ min: 0n, max: 40n })), (goals, any) => {
        const done = goals.map(() => any.next().value!)
        const amount = sum(goals) - sum(done)
        if (amount < 0n) return
        const step = stepTowards(goals, done, amount)
        expect(sum(step)).toBe(amount)
        expect(step.every((leg) => leg >= 0n)).toBe(true)
      })
    )
  })
})

describe("shares are exact decimals of one whole", () => {
  it("adds what is missing to the whole as the last weight", () => {
    expect(shareWeights(["0.70", "0.30"])).toEqual([700_000n, 300_000n, 0n])
    expect(shareWeights(["0.333333"])).toEqual([333_333n, 666_667n])
    expect(shareWeights(["1"])).toEqual([1_000_000n, 0n])
    expect(shareWeights([])).toEqual([1_000_000n])
  })

  it("refuses shares above the whole, by however little", () => {
    expect(shareWeights(["0.7", "0.300001"])).toBeUndefined()
  })

  it("accepts a decimal above 0 and at most 1 with up to six places, and nothing else", () => {
    const decode = Schema.decodeUnknownResult(Share)
    for (const text of ["0.7", "0.70", "1", "1.000000", "0.000001"]) {
      expect(Result.isSuccess(decode(text)), text).toBe(true)
    }
    for (const text of ["0", "0.0", "1.000001", "-0.5", "0.0000001", ".5", "70%", "7e-1", 0.7]) {
      expect(Result.isFailure(decode(text)), String(text)).toBe(true)
    }
  })
})

describe("a fee is rounded half up and never more than the amount", () => {
  const amount = fc.bigInt({ min: 1n, max: 10n ** 12n })
  const schedule = fc.record({
    percentageBasisPoints: fc.bigInt({ min: 0n, max: 10_000n }),
    fixed: fc.bigInt({ min: 0n, max: 1_000n })
  })

  it("takes 2.99 % of 100.00 as 2.99", () => {
    expect(feeOf(10_000n, { percentageBasisPoints: 299n, fixed: 0n })).toBe(299n)
  })

  it("rounds exactly half a minor unit up and less than half down", () => {
    expect(feeOf(50n, { percentageBasisPoints: 100n, fixed: 0n })).toBe(1n)
    expect(feeOf(49n, { percentageBasisPoints: 100n, fixed: 0n })).toBe(0n)
  })

  it("lies between nothing and the amount, within half a unit of the exact fee", () => {
    fc.assert(fc.property(amount, schedule, (whole, terms) => {
      const fee = feeOf(whole, terms)
      expect(fee >= 0n && fee <= whole).toBe(true)
      if (fee === whole) return
      const off = (fee - terms.fixed) * 10_000n - whole * terms.percentageBasisPoints
      expect(off > -5_000n && off <= 5_000n).toBe(true)
    }))
  })

  it("never falls as the amount grows, so that a later capture gives no fee back", () => {
    fc.assert(fc.property(amount, amount, schedule, (one, more, terms) => {
      expect(feeOf(one + more, terms) >= feeOf(one, terms)).toBe(true)
    }))
  })
})
