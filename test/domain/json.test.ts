import { Result } from "effect"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { readJson } from "../../src/domain/json.ts"

const faultOf = (text: string) => {
  const read = readJson(text)
  return Result.isFailure(read) ? [read.failure.reason, read.failure.pointer] : read.success
}

describe("JSON is read as it is written, or not at all", () => {
  it("reads what the engine writes", () => {
    fc.assert(fc.property(fc.jsonValue({ maxDepth: 20 }), (value) => {
      const text = JSON.stringify(value)
      expect(readJson(text)).toEqual(Result.succeed(JSON.parse(text)))
      expect(readJson(JSON.stringify(value, null, 2))).toEqual(Result.succeed(JSON.parse(text)))
    }))
  })

  it("finds a name that stands twice, wherever and however it is written", () => {
    const names = fc.uniqueArray(fc.string(), { minLength: 1, maxLength: 8 })
    const path = fc.array(fc.oneof(fc.string(), fc.constant(undefined)), { maxLength: 5 })
    fc.assert(fc.property(names, path, fc.nat(), fc.boolean(), (names, path, at, escaped) => {
      const again = names[at % names.length]!
      const written = (name: string) =>
        escaped
          ? `"${[...name].map((one) => one.length > 1 ? one : escape(one)).join("")}"`
          : JSON.stringify(name)
      const members = names.map((name) => `${JSON.stringify(name)}:[1,{"a":"}"}]`)
      const inner = `{${[...members, `${written(again)}:2`].join(",")}}`
      const text = path.reduceRight<string>(
        (inside, name) =>
          name === undefined ? `[${inside}]` : `{${JSON.stringify(name)}:${inside}}`,
        inner
      )
      const pointer = [...path.map((name) => name ?? "0"), again]
        .map((name) => `/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`).join("")
      expect(faultOf(text)).toEqual(["repeated", pointer])
    }))
  })

  it("takes a number whose every digit is kept, and no other", () => {
    for (const text of ["0", "-0.0", "1.0", "100e-2", "1E2", "0.1", "9007199254740991", "1e22"]) {
      expect(faultOf(text), text).toBe(Number(text))
    }
    expect(faultOf("1.000000000000000000000")).toBe(1)
    for (
      const text of [
        "9007199254740991.4",
        "9007199254740993",
        "-9007199254740993",
        "123456789012345678",
        "1e999",
        "1e-999",
        "0.30000000000000000001",
        "100.00000000000000001"
      ]
    ) {
      expect(faultOf(`[{"a":true},{"amount":${text}}]`), text).toEqual(["inexact", "/1/amount"])
    }
  })

  it("is no stricter with numbers than a decimal reader is", () => {
    fc.assert(fc.property(fc.bigInt({ min: -(10n ** 20n), max: 10n ** 20n }), (integer) => {
      const kept = BigInt(Number(integer)) === integer
      const shortest = BigInt(Math.trunc(Number(String(Number(integer)))))
      expect(Array.isArray(faultOf(`[${integer}]`)) && faultOf(`[${integer}]`)).toEqual(
        kept && shortest === integer ? [Number(integer)] : ["inexact", "/0"]
      )
    }))
  })

  it("refuses depth before anything recurses over it", () => {
    expect(faultOf("[".repeat(32) + "]".repeat(32))).toBeInstanceOf(Array)
    expect(faultOf("[".repeat(33) + "]".repeat(33))).toEqual(["too_deep", ""])
    expect(faultOf("[".repeat(500_000) + "]".repeat(500_000))).toEqual(["too_deep", ""])
  })

  it("repeats nothing of a text that it cannot read", () => {
    const read = readJson('{"token": 4111111111111111x}')
    expect(Result.isFailure(read) && read.failure.detail).toMatch(
      /^not JSON: (position \d+|unreadable)$/
    )
  })
})

const escape = (character: string): string =>
  `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`
