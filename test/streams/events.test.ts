import * as fs from "node:fs"
import { Result, Schema } from "effect"
import { describe, expect, test } from "vitest"
import { families } from "../../streams/mailboxes.ts"
import {
  bodyOf,
  covers,
  type EventEntry,
  events,
  eventTypes,
  merchantEvents,
  patternProblem,
  routesOf
} from "../../streams/events.ts"
import { eventCatalogue } from "../support/eventCatalogue.ts"

const entries: Readonly<Record<string, EventEntry>> = events

/** Everything the schema says, and nothing it does not. */
const problemOf = (type: string, body: unknown): string | undefined => {
  const decoded = Schema.decodeUnknownResult(entries[type]!.body, { onExcessProperty: "error" })(
    body
  )
  return Result.isFailure(decoded) ? `${type}: ${decoded.failure.message}` : undefined
}

const told = eventCatalogue()

test("what payments tell is what the catalogue says, member for member", () => {
  expect(told.length).toBeGreaterThan(30)
  expect(told.flatMap(({ body, type }) => problemOf(type, body) ?? [])).toEqual([])
})

test("a member that the catalogue does not know is found", () => {
  const { body, type } = told.find(({ type }) => type === "payment.captured")!
  const { customer, ...payment } = (body as { payment: { customer: unknown } }).payment
  expect(problemOf(type, { ...body as object, payment: { ...payment, client: customer } }))
    .toContain("client")
})

test("every type of payments is brought about by some life, so that its body is compared", () => {
  const seen = new Set(told.map(({ type }) => type))
  const others = ["fraud", "messaging", "reconciliation"].map((family) =>
    `${family}.command_refused`
  )
  expect(eventTypes.filter((type) => !seen.has(type) && !others.includes(type))).toEqual([])
})

test("every example is one", () => {
  expect(eventTypes.flatMap((type) => problemOf(type, events[type].example) ?? [])).toEqual([])
})

test("every keyed family may refuse a command, and that is told", () => {
  const keyed = families.filter(({ kind }) => kind === "keyed")
  expect(
    keyed.map(({ family }) => `${family}.command_refused`).filter((type) => !(type in entries))
  )
    .toEqual([])
})

test("merchants hear of everything but what concerns the platform alone", () => {
  expect(eventTypes.filter((type) => !merchantEvents.includes(type))).toEqual([
    "fraud.command_refused",
    "messaging.command_refused",
    "reconciliation.command_refused"
  ])
  expect(routesOf("payment.captured").map(({ to }) => to)).toEqual(["messaging", "reconciliation"])
  expect(routesOf("payment.nonsense")).toEqual([])
})

test("a body is read as what its type says, and as nothing else", () => {
  const { example } = events["payment.refunded"]
  const event = { type: "payment.refunded", data: example }
  expect(bodyOf(event, "payment.refunded")?.refund.amount).toBe(1_000)
  expect(bodyOf(event, "payment.captured")).toBeUndefined()
})

describe("a subscription", () => {
  test.each([
    "*",
    "payment.*",
    "payout.*",
    "payment.refund_failed",
    "payments.command_refused",
    "fx.quoted"
  ])(
    "to %s hears something",
    (pattern) => expect(patternProblem(pattern)).toBeUndefined()
  )

  test.each([
    ["payments.captured", "payment.captured"],
    ["payment.nonsense", undefined],
    ["payment.refundd", "payment.refunded"],
    ["payement.*", "payment.*"],
    ["payment", "payment.*"],
    ["settled", undefined],
    ["messaging.command_refused", undefined]
  ])("to %s hears nothing, and is told what was probably meant", (pattern, meant) => {
    const problem = patternProblem(pattern)
    expect(problem).toContain(`no event that merchants hear of is called ${pattern}`)
    if (meant === undefined) expect(problem).not.toContain("did you mean")
    else expect(problem).toContain(`did you mean ${meant}?`)
  })

  test("to a group covers its types only", () => {
    expect(covers("payment.*", "payment.captured")).toBe(true)
    expect(covers("payment.*", "payments.command_refused")).toBe(false)
    expect(covers("payment.captured", "payment.captured")).toBe(true)
  })
})

test("the page of events is the catalogue", () => {
  const [, table] = fs.readFileSync("docs/events.md", "utf8").split("<!-- events -->\n")
  const lines = eventTypes.map((type) => {
    const { en, pt, to } = events[type]
    return `| \`${type}\` | ${en} | ${pt} | ${to.join(", ")} |`
  })
  expect(table).toBe(
    ["| type | what happened | o que aconteceu | told to |", "|---|---|---|---|", ...lines, ""]
      .join("\n")
  )
})
