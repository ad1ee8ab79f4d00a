import { createConfig, lintFromString } from "@redocly/openapi-core"
import { describe, expect, test } from "vitest"
import { openApi } from "../../src/edge/openapi/document.ts"
import { problemCodes } from "../../src/edge/problem.ts"
import { problemsOf } from "../../src/edge/problemsOf.ts"
import { JSON_TYPE } from "../../src/edge/shape.ts"
import { allRoutes, assertTold } from "../support/contract.ts"

const document = openApi(allRoutes)

const lint = async (description: object) => {
  const config = await createConfig({ extends: ["recommended"] })
  const source = JSON.stringify(description)
  const found = await lintFromString({ source, absoluteRef: "openapi.json", config })
  return found.map(({ location, message, ruleId }) =>
    `${ruleId} ${location[0]?.pointer}: ${message}`
  )
}

describe("the description", () => {
  test("redocly's recommended rules find nothing in it", async () => {
    expect(await lint(document)).toEqual([])
    const { servers: _, ...without } = document
    expect(await lint(without)).not.toEqual([])
  })

  test("every operation has a name of its own, a verb and a noun", () => {
    const names = allRoutes.map(({ operationId }) => operationId)
    expect(new Set(names).size).toBe(names.length)
    for (const name of names) expect(name).toMatch(/^[a-z]+[A-Z][A-Za-z]+$/)
  })

  test("every answer says what stands in it, and every body has a schema", () => {
    const silent = allRoutes.flatMap(({ answers, operationId }) =>
      Object.entries(answers)
        .filter(([status, { content }]) => !/^30[34]$/.test(status) && content === undefined)
        .map(([status]) => `${operationId} ${status}`)
    )
    expect(silent).toEqual([])
    const statuses = allRoutes.flatMap(({ answers }) => Object.keys(answers))
    expect(statuses.length).toBeGreaterThan(80)
  })

  test("every code of a problem is one that some route may answer", () => {
    const declared = new Set(allRoutes.flatMap(problemsOf))
    // Where no route is, none declares it; files are set aside, and their refusals read there.
    const elsewhere = ["route_not_found", "method_not_allowed"]
    const settled = ["source_differs", "file_differs", "unreadable_file"]
    expect(problemCodes.filter((code) => !declared.has(code)).sort())
      .toEqual([...elsewhere, ...settled].sort())
  })
})

describe("what holds every answer that a test asks for", () => {
  const told = (body: object, status = 200, type = JSON_TYPE) => () =>
    assertTold("GET", "/v1/accounts/x", {
      status,
      headers: new Headers({ "content-type": type }),
      text: JSON.stringify(body)
    })
  const account = {
    id: "x",
    currency: "BRL",
    posted_debits: "0",
    posted_credits: "0",
    pending_debits: "0",
    pending_credits: "0",
    version: "1"
  }
  const refusal = {
    type: "/docs/errors/account_not_found",
    title: "Not found",
    status: 404,
    detail: "no",
    instance: "1",
    code: "account_not_found",
    retryable: false
  }
  const PROBLEM = "application/problem+json"

  test("an answer as it is declared goes through", () => {
    told(account)()
    told(refusal, 404, PROBLEM)()
  })

  test.each([
    ["a member too few", told({ ...account, version: undefined })],
    ["a member too many", told({ ...account, secret: "x" })],
    ["a member of another type", told({ ...account, version: 1 })],
    ["a status that the route does not declare", told(account, 201)],
    ["a form that the route does not declare", told(account, 200, "text/csv")],
    [
      "a code that the route does not declare",
      told({ ...refusal, code: "qr_code_not_found" }, 404, PROBLEM)
    ],
    ["a status that is not the code's", told(refusal, 409, PROBLEM)]
  ])("%s does not", (_, answer) => expect(answer).toThrow())
})
