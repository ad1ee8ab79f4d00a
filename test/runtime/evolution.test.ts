import { Result, Schema } from "effect"
import { describe, expect, test } from "vitest"
import {
  changed,
  commandName,
  decodersOf,
  generationOf,
  introduced,
  isNewer,
  type MessageChanges,
  nameIn,
  wireNamesOf
} from "../../src/runtime/evolution.ts"
import { changesOf, generationOfType, wireNames } from "../../streams/messages/changes.ts"
import { families } from "../../streams/mailboxes.ts"

/** A message that was `{ cents }`, then `{ amount: { cents } }`, and has a currency now. */
const First = Schema.Struct({ cents: Schema.Finite })
const Second = Schema.Struct({ amount: Schema.Struct({ cents: Schema.Finite }) })
const Third = Schema.Struct({
  amount: Schema.Struct({ cents: Schema.Finite, currency: Schema.String })
})
const messages = { pay: Third, stay: First, fresh: First }
const changes: MessageChanges = {
  pay: [
    changed(2, First, ({ cents }) => ({ amount: { cents } })),
    changed(4, Second, ({ amount }) => ({ amount: { ...amount, currency: "BRL" } }))
  ],
  fresh: [introduced(3)]
}
const strict = decodersOf(messages, changes, { onExcessProperty: "error" })

const read = (name: string, body: unknown) => {
  const decoder = strict.get(name)
  if (decoder === undefined) return "nobody knows it"
  const decoded = decoder.decode(body)
  return Result.isSuccess(decoded) ? [decoder.type, decoded.success] : "malformed"
}

describe("a message of any former generation", () => {
  const now = ["pay", { amount: { cents: 5, currency: "BRL" } }]

  test("becomes what it is today, step by step", () => {
    expect(read("pay@4", { amount: { cents: 5, currency: "BRL" } })).toEqual(now)
    expect(read("pay@2", { amount: { cents: 5 } })).toEqual(now)
    expect(read("pay", { cents: 5 })).toEqual(now)
    expect(read("stay", { cents: 5 })).toEqual(["stay", { cents: 5 }])
    expect(read("fresh@3", { cents: 5 })).toEqual(["fresh", { cents: 5 }])
  })

  test("is read as strictly as it was then", () => {
    expect(read("pay", { cents: 5, more: 1 })).toBe("malformed")
    expect(read("pay", { amount: { cents: 5, currency: "BRL" } })).toBe("malformed")
    expect(read("pay@2", null)).toBe("malformed")
  })

  test("is malformed, no defect of the machine, where it cannot be brought up to date", () => {
    const broken = decodersOf({ pay: Second }, {
      pay: [changed(2, First, () => {
        throw new Error("cannot")
      })]
    })
    expect(Result.isFailure(broken.get("pay")!.decode({ cents: 5 }))).toBe(true)
    const wrong = decodersOf({ pay: Second }, { pay: [changed(2, First, () => ({ amount: 5 }))] })
    expect(Result.isFailure(wrong.get("pay")!.decode({ cents: 5 }))).toBe(true)
  })
})

test("a name that nobody knows is newer only where its generation is", () => {
  expect(generationOf(changes)).toBe(4)
  expect(generationOf({})).toBe(1)
  for (const name of ["pay@3", "pay@1", "other", "fresh", "pay@", "pay@x", "pay@-9", "@"]) {
    expect(read(name, {}), name).toBe("nobody knows it")
    expect(isNewer(name, 4), name).toBe(false)
  }
  for (const name of ["pay@5", "other@7"]) expect(isNewer(name, 4), name).toBe(true)
})

test("what is written bears its generation, and the first bears none", () => {
  const names = wireNamesOf([["bank", changes]])
  expect(nameIn(names, "bank", "pay")).toBe("pay@4")
  expect(nameIn(names, "bank", "fresh")).toBe("fresh@3")
  expect(nameIn(names, "bank", "stay")).toBe("stay")
  expect(nameIn(names, "shop", "pay")).toBe("pay")
  expect([undefined, "1", "2"].map((one) => commandName("pay", one)))
    .toEqual(["pay", "pay", "pay@2"])
})

test("every family's changes are in order, and each generation is above the one before", () => {
  for (const { family } of families) {
    for (const [type, steps] of Object.entries(changesOf(family))) {
      const generations = steps.map(({ generation }) => generation)
      expect(generations, `${family}.${type}`).toEqual(
        [...new Set(generations)].sort((a, b) => a - b)
      )
      expect(generations[0], `${family}.${type}`).toBeGreaterThan(1)
      expect(steps.slice(1).every(({ before }) => before !== undefined)).toBe(true)
      expect(nameIn(wireNames, family, type)).toBe(`${type}@${generationOfType(family, type)}`)
    }
  }
})
