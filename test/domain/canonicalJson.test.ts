import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { canonicalJson } from "../../src/domain/canonicalJson.ts"
import { fingerprint } from "../../src/domain/fingerprint.ts"

const json = fc.jsonValue({ maxDepth: 4 })

/** The same value with the members of every object in the opposite order of insertion. */
const reversed = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(reversed)
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(
    Object.entries(value).reverse().map(([key, member]) => [key, reversed(member)])
  )
}

describe("one value has one text", () => {
  it("reads back as the same value", () => {
    fc.assert(fc.property(json, (value) => {
      // JSON has one zero.
      expect(JSON.parse(canonicalJson(value))).toEqual(JSON.parse(JSON.stringify(value)))
    }))
  })

  it("does not depend on the order in which members were set", () => {
    fc.assert(fc.property(json, (value) => {
      expect(canonicalJson(reversed(value))).toBe(canonicalJson(value))
      expect(fingerprint(reversed(value))).toBe(fingerprint(value))
    }))
  })

  it("is the text of what it reads back as, so a stored value keeps its digest", () => {
    fc.assert(fc.property(json, (value) => {
      expect(canonicalJson(JSON.parse(canonicalJson(value)))).toBe(canonicalJson(value))
    }))
  })

  it("differs wherever the values differ", () => {
    fc.assert(fc.property(json, json, (one, other) => {
      const left = canonicalJson(one)
      const right = canonicalJson(other)
      if (left === right) expect(JSON.parse(left)).toEqual(JSON.parse(right))
      else expect(JSON.parse(left)).not.toEqual(JSON.parse(right))
      expect(fingerprint(one) === fingerprint(other)).toBe(left === right)
    }))
  })

  it("sorts keys by code unit at every depth and leaves arrays in their order", () => {
    expect(canonicalJson({ b: [2, 1], a: { d: 1, c: 2 }, A: 0, "10": 0, "9": 0 }))
      .toBe(`{"10":0,"9":0,"A":0,"a":{"c":2,"d":1},"b":[2,1]}`)
  })

  it("keeps that order where the engine would not: numbers as keys, the prototype's name", () => {
    const value = { b: 1n, "9": { z: 2n, "10": [{ c: 1, "07": 2, "7": "x" }] }, a: null }
    expect(canonicalJson(value))
      .toBe(`{"9":{"10":[{"07":2,"7":"x","c":1}],"z":"2"},"a":null,"b":"1"}`)
    expect(canonicalJson(JSON.parse(`{"b":1,"__proto__":{"toJSON":2,"1":3}}`)))
      .toBe(`{"__proto__":{"1":3,"toJSON":2},"b":1}`)
    expect(canonicalJson({ b: 2, a: undefined, "3": undefined })).toBe(`{"b":2}`)
    // What came before leaves no trace.
    expect(canonicalJson({ b: 2, a: [undefined] })).toBe(`{"a":[null],"b":2}`)
  })

  it("writes bigints as decimal strings, beyond what a number can carry", () => {
    fc.assert(fc.property(fc.bigInt(), (value) => {
      expect(canonicalJson({ value })).toBe(`{"value":"${value}"}`)
    }))
  })

  it("drops undefined members and keeps null ones", () => {
    expect(canonicalJson({ a: undefined, b: null, c: 1 })).toBe(`{"b":null,"c":1}`)
    expect(canonicalJson({ a: undefined })).toBe("{}")
    expect(canonicalJson([undefined, 1])).toBe("[null,1]")
  })

  it("holds no white space outside of strings", () => {
    expect(canonicalJson({ a: [1, { b: "x y" }] })).toBe(`{"a":[1,{"b":"x y"}]}`)
  })

  it("escapes what JSON must escape, so that a NUL or a lone surrogate is still text", () => {
    expect(canonicalJson('a\u0000"\\\ud800')).toBe(`"a\\u0000\\"\\\\\\ud800"`)
  })

  it("refuses what has no JSON form instead of writing null", () => {
    for (const value of [NaN, Infinity, -Infinity, undefined, () => 1, Symbol("s")]) {
      expect(() => canonicalJson(value)).toThrow(TypeError)
      if (value !== undefined) expect(() => canonicalJson({ value })).toThrow(TypeError)
    }
  })
})
