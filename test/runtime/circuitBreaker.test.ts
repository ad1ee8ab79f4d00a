import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { CircuitBreaker } from "../../src/runtime/circuitBreaker.ts"

/** The breaker's own limits, repeated here so that a change of them is noticed. */
const FAILURES_MAX = 10
const OPEN_MILLIS = 5_000

/** A breaker that has just opened at time 0. */
const opened = (concurrencyMax = 4): CircuitBreaker => {
  const breaker = new CircuitBreaker(concurrencyMax)
  for (let failure = 0; failure < FAILURES_MAX; failure++) {
    expect(breaker.enter(0)).toBe(true)
    breaker.leave(0, false)
  }
  return breaker
}

describe("a destination takes a bounded number of calls at a time", () => {
  it("lets that many in, refuses the next and takes one more for each that leaves", () => {
    const breaker = new CircuitBreaker(2)
    expect([breaker.enter(0), breaker.enter(0), breaker.enter(0)]).toEqual([true, true, false])
    breaker.leave(1, true)
    expect([breaker.enter(1), breaker.enter(1)]).toEqual([true, false])
  })

  it("gives the place back where the call failed, too", () => {
    const breaker = new CircuitBreaker(1)
    for (let call = 0; call < FAILURES_MAX - 1; call++) {
      expect(breaker.enter(0)).toBe(true)
      breaker.leave(0, false)
    }
    expect(breaker.enter(0)).toBe(true)
  })
})

describe("many failures in a row close a destination for a while", () => {
  it("opens at the tenth failure in a row and not before", () => {
    const breaker = new CircuitBreaker(1)
    for (let failure = 1; failure <= FAILURES_MAX; failure++) {
      expect(breaker.isOpen(0), `before failure ${failure}`).toBe(false)
      expect(breaker.enter(0)).toBe(true)
      breaker.leave(0, false)
    }
    expect(breaker.isOpen(0)).toBe(true)
    expect(breaker.enter(0)).toBe(false)
  })

  it("starts counting again after any answer", () => {
    const breaker = new CircuitBreaker(1)
    for (let call = 0; call < 100; call++) {
      expect(breaker.enter(call)).toBe(true)
      breaker.leave(call, call % FAILURES_MAX === FAILURES_MAX - 1)
    }
    expect(breaker.isOpen(100)).toBe(false)
  })

  it("holds calls back for five seconds from the failure that opened it", () => {
    const breaker = opened()
    expect(breaker.enter(OPEN_MILLIS - 1)).toBe(false)
    expect(breaker.isOpen(OPEN_MILLIS - 1)).toBe(true)
    expect(breaker.isOpen(OPEN_MILLIS)).toBe(false)
    expect(breaker.enter(OPEN_MILLIS)).toBe(true)
  })
})

describe("one probe decides whether a destination is back", () => {
  it("lets one call through after the wait and holds the others until it is answered", () => {
    const breaker = opened()
    expect(breaker.enter(OPEN_MILLIS)).toBe(true)
    expect(breaker.enter(OPEN_MILLIS)).toBe(false)
    breaker.leave(OPEN_MILLIS + 10, true)
    expect(breaker.isOpen(OPEN_MILLIS + 10)).toBe(false)
    expect([breaker.enter(OPEN_MILLIS + 10), breaker.enter(OPEN_MILLIS + 10)]).toEqual([true, true])
  })

  it("waits again where the probe fails, and then probes again", () => {
    const breaker = opened()
    for (let round = 1; round <= 5; round++) {
      const now = round * OPEN_MILLIS
      expect(breaker.enter(now), `probe ${round}`).toBe(true)
      breaker.leave(now + 1, false)
      expect(breaker.isOpen(now + 1)).toBe(true)
      expect(breaker.enter(now + OPEN_MILLIS - 1)).toBe(false)
    }
  })

  it("lets the next call be the probe where one was not made after all", () => {
    const breaker = opened()
    for (let round = 0; round < 3; round++) {
      expect(breaker.enter(OPEN_MILLIS + round), `probe ${round}`).toBe(true)
      breaker.withdraw(OPEN_MILLIS + round)
    }
    expect(breaker.enter(OPEN_MILLIS + 3)).toBe(true)
    expect(breaker.enter(OPEN_MILLIS + 3)).toBe(false)
    breaker.leave(OPEN_MILLIS + 4, true)
    expect(breaker.enter(OPEN_MILLIS + 4)).toBe(true)
  })

  it("counts a call that was not made neither for nor against a destination", () => {
    const breaker = new CircuitBreaker(1)
    for (let call = 0; call < 3 * FAILURES_MAX; call++) {
      expect(breaker.enter(call)).toBe(true)
      breaker.withdraw(call)
    }
    for (let failure = 1; failure < FAILURES_MAX; failure++) {
      breaker.enter(100)
      breaker.leave(100, false)
    }
    breaker.enter(100)
    breaker.withdraw(100)
    expect(breaker.isOpen(100)).toBe(false)
    breaker.enter(100)
    breaker.leave(100, false)
    expect(breaker.isOpen(100)).toBe(true)
  })

  it("sends no probe while every place is taken by earlier calls", () => {
    const breaker = new CircuitBreaker(FAILURES_MAX + 1)
    for (let call = 0; call <= FAILURES_MAX; call++) breaker.enter(0)
    for (let call = 0; call < FAILURES_MAX; call++) breaker.leave(0, false)
    expect(breaker.isOpen(0)).toBe(true)
    for (let call = 0; call < FAILURES_MAX; call++) {
      expect(breaker.enter((call + 1) * OPEN_MILLIS)).toBe(true)
    }
    expect(breaker.enter(100 * OPEN_MILLIS)).toBe(false)
  })
})

describe("whatever calls come and go", () => {
  const steps = fc.array(
    fc.record({
      wait: fc.oneof(fc.constant(0), fc.nat({ max: 2 * OPEN_MILLIS })),
      act: fc.oneof(
        { weight: 3, arbitrary: fc.constant("enter" as const) },
        { weight: 2, arbitrary: fc.constant("fail" as const) },
        { weight: 1, arbitrary: fc.constant("answer" as const) }
      )
    }),
    { maxLength: 200 }
  )

  it("never holds more calls than it may, lets none in while open, and is never stuck", () => {
    fc.assert(fc.property(fc.integer({ min: 1, max: 12 }), steps, (concurrencyMax, acts) => {
      const breaker = new CircuitBreaker(concurrencyMax)
      let inFlight = 0
      let now = 0
      for (const { act, wait } of acts) {
        now += wait
        if (act === "enter") {
          const open = breaker.isOpen(now)
          const entered = breaker.enter(now)
          expect(entered).toBe(!open && inFlight < concurrencyMax)
          if (entered) inFlight++
        } else if (inFlight > 0) {
          breaker.leave(now, act === "answer")
          inFlight--
          if (act === "answer") expect(breaker.isOpen(now)).toBe(false)
        }
      }
      while (inFlight > 0) {
        breaker.leave(now, false)
        inFlight--
      }
      expect(breaker.enter(now + OPEN_MILLIS)).toBe(true)
    }))
  })
})
