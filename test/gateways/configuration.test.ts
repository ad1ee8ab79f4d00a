import * as fs from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, expect, test } from "vitest"
import { configuredGateways } from "../../src/house/gateways.ts"
import { testFolder } from "../support/lastro.ts"

let folder: string
beforeAll(() => {
  folder = testFolder("gateways")
})
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }))

const read = (content: unknown) => {
  const file = join(folder, "gateways.json")
  fs.writeFileSync(file, typeof content === "string" ? content : JSON.stringify(content))
  return configuredGateways({ LASTRO_GATEWAYS_FILE: file })
}

const gateways = [{ name: "one", kind: "simulator" }, { name: "two", kind: "simulator" }]
const rules = [{ name: "all", to: [{ gateway: "one", weight: 9 }, { gateway: "two" }] }]

test("without a file there are a simulator for cards and one for Pix", () => {
  const { gateways, routing } = configuredGateways({})
  expect(gateways).toEqual([
    { name: "simulator", kind: "simulator" },
    { name: "pix", kind: "pix" }
  ])
  expect(routing.rules.map(({ methods }) => methods)).toEqual([["pix"], ["card"]])
})

test("processes that share a simulator share its bank with the Pix API, too", () => {
  const url = "http://10.0.0.5:8790"
  expect(configuredGateways({ LASTRO_SIMULATOR_URL: `${url}/` }).gateways).toEqual([
    { name: "simulator", kind: "simulator", url },
    { name: "pix", kind: "pix", simulator_url: `${url}/pix` }
  ])
})

test("a file says which gateways there are and where payments go", () => {
  const costs = { one: { percentage_basis_points: 99, fixed: 25 } }
  const known = read({
    gateways,
    routing: { rules: [{ ...rules[0], amount_from: 100, currencies: ["BRL"] }], costs }
  })
  expect(known.gateways.map(({ name }) => name)).toEqual(["one", "two"])
  expect(known.routing.rules[0]!.amount_from).toBe(100n)
  expect(known.routing.costs!["one"]).toEqual({ percentage_basis_points: 99n, fixed: 25n })
})

test.each([
  ["{", "is not JSON"],
  [{}, "is not valid at gateways"],
  [{ gateways, routing: { rules: [] } }, "is not valid at routing.rules"],
  [{ gateways, routing: { rules }, route: 1 }, "is not valid at route"],
  [{ gateways: [{ name: "Big", kind: "simulator" }], routing: { rules } }, "gateways.0.name"],
  [
    { gateways, routing: { rules: [{ name: "all", to: [{ gateway: "one", weight: 0 }] }] } },
    "is not valid at routing.rules.0.to.0.weight"
  ],
  [{ gateways: [gateways[0], gateways[0]], routing: { rules } }, "names the gateway one twice"],
  [
    { gateways: [gateways[0]], routing: { rules } },
    "has a rule all that names two, which is none of its gateways"
  ],
  [
    { gateways, routing: { rules: [{ ...rules[0], fallback: ["two"] }] } },
    "has a rule all that names two twice"
  ],
  [
    { gateways, routing: { rules: [{ ...rules[0], methods: ["crad"] }] } },
    "is not valid at routing.rules.0.methods.0: must be card or pix"
  ],
  [
    { gateways, routing: { rules: [{ ...rules[0], currencies: [] }] } },
    "is not valid at routing.rules.0.currencies"
  ],
  [
    { gateways, routing: { rules: [{ ...rules[0], amount_from: 100, amount_below: 100 }] } },
    "is not valid at routing.rules.0.amount_below: must be above amount_from"
  ],
  [
    { gateways, routing: { rules: [rules[0], rules[0]] } },
    "is not valid at routing.rules.1.name: another rule has this name"
  ],
  [
    {
      gateways,
      routing: { rules, costs: { one: { percentage_basis_points: 10_001, fixed: 0 } } }
    },
    "is not valid at routing.costs.one.percentage_basis_points: must be at most 10000"
  ],
  [
    {
      gateways: [gateways[0], gateways[0]],
      routing: { rules, payouts: [{ gateway: "three" }] }
    },
    "names the gateway one twice,\n  has a rule all that names two, which is none of its gateways,\n" +
    "  pays out by a line that names three"
  ],
  [
    { gateways, routing: { rules: [{ name: "Big", to: [] }] } },
    /rules\.0\.name: .*,\n {2}is not valid at routing\.rules\.0\.to/
  ],
  [
    { gateways, routing: { rules, costs: { x: { percentage_basis_points: 1, fixed: 0 } } } },
    "has costs that names x"
  ]
])("a file that makes no sense is refused in one sentence: %#", (content, says) => {
  expect(() => read(content)).toThrow(says)
})

test("a file that is not there is refused", () => {
  expect(() => configuredGateways({ LASTRO_GATEWAYS_FILE: join(folder, "none") }))
    .toThrow("cannot be read")
})
