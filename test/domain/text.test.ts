import { Result, Schema } from "effect"
import { describe, expect, it } from "vitest"
import { Metadata, Text } from "../../src/domain/text.ts"

const accepts = (schema: Schema.Codec<unknown, unknown>) => {
  // As both doors do: a record drops the keys its schema refuses unless excess is an error.
  const decode = Schema.decodeUnknownResult(schema, { onExcessProperty: "error" })
  return (value: unknown): boolean => Result.isSuccess(decode(value))
}

describe("free text can be stored, logged and shown", () => {
  const ok = accepts(Text(10))

  it("counts its characters, from one to its maximum", () => {
    expect(["", "x".repeat(11)].filter(ok)).toEqual([])
    expect(["x", "x".repeat(10), "ação", "日本"].every(ok)).toBe(true)
  })

  it("refuses every control character except tab, line feed and carriage return", () => {
    for (let code = 0; code <= 0x7f; code++) {
      const text = `a${String.fromCharCode(code)}`
      const allowed = code >= 0x20 ? code !== 0x7f : [9, 10, 13].includes(code)
      expect(ok(text), `U+00${code.toString(16)}`).toBe(allowed)
    }
  })

  it("refuses a lone surrogate, which UTF-8 cannot hold, and takes a pair", () => {
    expect(ok("a\ud800")).toBe(false)
    expect(ok("\udc00a")).toBe(false)
    expect(ok("😀")).toBe(true)
  })

  it("refuses what is not text", () => {
    expect([1, null, true, ["a"], { a: 1 }].filter(ok)).toEqual([])
  })
})

describe("metadata is small and flat", () => {
  const ok = accepts(Metadata)

  it("takes up to 50 keys of a plain alphabet", () => {
    const of = (keys: number) =>
      Object.fromEntries(Array.from({ length: keys }, (_, index) => [`k${index}`, "v"]))
    expect(ok(of(50))).toBe(true)
    expect(ok(of(51))).toBe(false)
    expect(["a.b", "A-9_", "x".repeat(40)].every((key) => ok({ [key]: "v" }))).toBe(true)
    expect(["", "a b", "é", "x".repeat(41)].filter((key) => ok({ [key]: "v" }))).toEqual([])
  })

  it("refuses a key that would reach an object's prototype", () => {
    expect(ok(JSON.parse(`{"__proto__":"v"}`))).toBe(false)
  })

  it("refuses values that are long, empty or not text", () => {
    expect(ok({ k: "x".repeat(500) })).toBe(true)
    expect([{ k: "x".repeat(501) }, { k: "" }, { k: 1 }, { k: { deep: "v" } }].filter(ok)).toEqual(
      []
    )
  })
})
