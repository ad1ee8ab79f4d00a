import fc from "fast-check"
import { expect, test } from "vitest"
import { canonicalJson, readBack } from "../../src/domain/canonicalJson.ts"
import { families, mailboxes, mailboxesOf, sourceOf } from "../../streams/mailboxes.ts"
import { placesOf } from "../../streams/places.ts"
import { topology } from "../../streams/topology.ts"

const grouped = mailboxesOf([["payments", "fraud", "reconciliation"]])
const separate = mailboxesOf([])

test("every family reads one mailbox, in either layout", () => {
  for (const layout of [grouped, separate, mailboxes]) {
    expect(layout.flatMap(({ families }) => families).sort())
      .toEqual(families.map(({ family }) => family).sort())
  }
  expect(separate.map(({ mailbox }) => mailbox)).toEqual(families.map(({ family }) => family))
})

test("families of a group share a stream, which has the name of the first, and keep their subjects", () => {
  const { mailboxOf, streamOf } = placesOf(grouped)
  expect(["payments", "fraud", "reconciliation", "messaging"].map(streamOf))
    .toEqual(["PAYMENTS", "PAYMENTS", "PAYMENTS", "MESSAGING"])
  expect(sourceOf(mailboxOf("fraud"), 3)).toBe("payments-03")
  const specs = new Map(topology(1, grouped).map(({ name, subjects }) => [name, subjects]))
  expect(specs.get("PAYMENTS")).toEqual(
    ["payments", "fraud", "reconciliation"].flatMap((family) => [
      `${family}.*.ingress.*.*`,
      `${family}.*.*`
    ])
  )
  expect(specs.has("FRAUD")).toBe(false)
})

test("what the streams of all families reserve does not depend on who shares one", () => {
  const reserved = (layout: typeof mailboxes) =>
    topology(1, layout).reduce((sum, { max_bytes = 0 }) => sum + max_bytes, 0)
  expect(reserved(grouped)).toBeCloseTo(reserved(separate), -1)
})

const numbers = fc.oneof(fc.integer(), fc.double({ noNaN: true, noDefaultInfinity: true }))
const value = fc.letrec((tie) => ({
  any: fc.oneof(
    { depthSize: "small" },
    fc.string(),
    fc.boolean(),
    fc.constant(null),
    numbers,
    fc.bigInt(),
    fc.array(fc.option(tie("any"), { nil: undefined })),
    fc.dictionary(fc.string(), fc.option(tie("any"), { nil: undefined }))
  )
})).any

test("a member that is called as an object's prototype is a member on either runtime", () => {
  const body = JSON.parse('{"__proto__":{"a":1},"b":2}')
  expect(Object.entries(readBack(body) as object)).toEqual(Object.entries(body))
})

/** So every message type decodes to the same, whether its body was stored or stayed in the turn. */
test("a body is passed on as reading its JSON would give it, whatever is in it", () => {
  fc.assert(fc.property(value, (body) => {
    expect(readBack(body)).toEqual(JSON.parse(canonicalJson(body)))
  }))
})
