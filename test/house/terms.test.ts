import * as fs from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { configuredTerms } from "../../src/house/terms.ts"
import { PARTITIONS } from "../../streams/mailboxes.ts"
import { commandLine } from "../support/commandLine.ts"
import {
  eventually,
  query,
  startTestLastro,
  testFolder,
  type TestLastro
} from "../support/lastro.ts"
import { connectAs } from "../support/machine.ts"
import { openShop } from "../support/shop.ts"

const folder = testFolder("terms")
const file = join(folder, "terms.json")
const written = (json: unknown) => {
  fs.writeFileSync(file, typeof json === "string" ? json : JSON.stringify(json))
  return configuredTerms({ LASTRO_TERMS_FILE: file })
}

/** The example of that page. */
const example = (page = "docs/payments.md") => {
  const part = fs.readFileSync(page, "utf8").split("```json")[1]
  return JSON.parse(part!.split("```")[0]!)
}

const price = { percentage_basis_points: "299", fixed: "30" }
const payout = { schedule: "daily" }
/** What is wrong, and the field that is told. */
const nonsense: ReadonlyArray<readonly [json: object, field: string]> = [
  [{ fee: { ...price, percentage_basis_points: "-100" } }, "fee.percentage_basis_points"],
  [{ fee: { ...price, percentage_basis_points: "20000" } }, "fee.percentage_basis_points"],
  [{ fee: { ...price, percentage_basis_points: 299 } }, "fee.percentage_basis_points"],
  [{ fee: { ...price, percentage_basis_points: "2.99" } }, "fee.percentage_basis_points"],
  [{ fee: { ...price, fixed: "-30" } }, "fee.fixed"],
  [{ fee: { ...price, fixed: `${2n ** 53n}` } }, "fee.fixed"],
  [{ fee: { ...price, minimum: "-1" } }, "fee.minimum"],
  [{ fee: { ...price, maximum: "-1" } }, "fee.maximum"],
  [{ fee: { ...price, minimum: "100", maximum: "99" } }, "fee.minimum"],
  [{ fee: { ...price, percentage: "1" } }, "fee.percentage"],
  [{ fee: { ...price, tiers: [{ ...price, from: "-1" }] } }, "fee.tiers.0.from"],
  [{ fee: { ...price, tiers: [{ ...price, fixed: "-1", from: "1" }] } }, "fee.tiers.0.fixed"],
  [
    { fee: { ...price, tiers: [{ ...price, from: "2" }, { ...price, from: "1" }] } },
    "fee.tiers.1.from"
  ],
  [{ fees: [{ fee: { ...price, minimum: "100", maximum: "99" } }] }, "fees.0.fee.minimum"],
  [{ fees: [{ fee: price, methods: ["crad"] }] }, "fees.0.methods.0"],
  [{ fees: [{ fee: price, methods: [] }] }, "fees.0.methods"],
  [{ fees: [{ fee: price, merchants: [] }] }, "fees.0.merchants"],
  [{ fees: [{ fee: price, merchants: ["Big"] }] }, "fees.0.merchants.0"],
  [{ fees: [{ fee: price, currencies: ["XXY"] }] }, "fees.0.currencies.0"],
  [{ payouts: [{ schedule: "hourly" }] }, "payouts.0.schedule"],
  [{ payouts: [{ ...payout, minimum: "-1" }] }, "payouts.0.minimum"],
  [
    { payouts: [{ ...payout, reserve: { basis_points: 0, days: 1 } }] },
    "payouts.0.reserve.basis_points"
  ],
  [
    { payouts: [{ ...payout, reserve: { basis_points: 10_001, days: 1 } }] },
    "payouts.0.reserve.basis_points"
  ],
  [{ payouts: [{ ...payout, reserve: { basis_points: 1, days: 0 } }] }, "payouts.0.reserve.days"],
  [{ payouts: [{ ...payout, reserve: { basis_points: 1, days: 367 } }] }, "payouts.0.reserve.days"],
  [{ payouts: [{ ...payout, currencies: [] }] }, "payouts.0.currencies"],
  [{ authorization_seconds: 0 }, "authorization_seconds"],
  [{ authorization_seconds: -1 }, "authorization_seconds"],
  [{ authorization_seconds: 1.5 }, "authorization_seconds"],
  [{ authorization_seconds: 1e9 }, "authorization_seconds"],
  [{ fx: { version: "v", quote_seconds: 0, rates: [] } }, "fx.quote_seconds"],
  [{ fx: { version: "", rates: [] } }, "fx.version"],
  [{ price: 1 }, "price"]
]

let environment: Record<string, string> = {}
const lastro = commandLine(() => environment)

describe("a file of terms that makes no sense", () => {
  it.each(nonsense)("is refused by its field: %j", (json, field) => {
    const refused = () => written(json)
    expect(refused).toThrow(`is not valid at ${field}: `)
  })

  it("is refused with all that is wrong at once, by whatever would take it, before anything is changed", async () => {
    const { fx } = example("docs/fx.md")
    const wrong = {
      fee: { percentage_basis_points: "-100", fixed: "-30", minimum: "2", maximum: "x" },
      fees: [{ fee: { ...price, minimum: "2", maximum: "1" } }],
      payouts: [{ schedule: "daily", minimum: "-1" }],
      authorization_seconds: 0,
      fx: { ...fx, quote_seconds: -1 },
      autorization_seconds: 1
    }
    fs.writeFileSync(file, JSON.stringify(wrong))
    const data = join(folder, "untouched")
    environment = { LASTRO_TERMS_FILE: file, LASTRO_DATA_DIR: data }
    for (const command of ["start", "routing"]) {
      const { code, text } = await lastro(command)
      expect(code).not.toBe(0)
      const fields = [...text.matchAll(/at ([a-z0-9_.]+): /g)].map(([, field]) => field)
      expect(fields.toSorted()).toEqual([
        "authorization_seconds",
        "autorization_seconds",
        "fee.fixed",
        "fee.maximum",
        "fee.percentage_basis_points",
        "fees.0.fee.minimum",
        "fx.quote_seconds",
        "payouts.0.minimum"
      ])
      expect(fs.existsSync(data)).toBe(false)
    }
  })

  it("is refused where it comes as a message, too, and the terms before it hold", async () => {
    const nc = await connectAs(one.stack, one.stack.nats.admin)
    const config = { ...example(), gateway: "simulator", fee: { ...price, fixed: "-30" } }
    for (const partition of Array(PARTITIONS).keys()) {
      nc.publish(
        `payments.${partition}.control`,
        JSON.stringify({ version: Date.now() + 1_000_000, config })
      )
    }
    await nc.drain()
    const dead = await eventually(async () => {
      const found = await query(
        one.stack.databaseUrl,
        "select cause from dead_letters where subject like 'payments.%.control'"
      )
      return found.length === PARTITIONS ? found : undefined
    })
    for (const { cause } of dead) expect(cause).toMatch(/not a configuration.*fee.*fixed/s)
    const shop = await openShop(one, "after")
    expect((await shop.pay()).json.fee).toBe(299 + 30)
  })
})

let one: TestLastro
beforeAll(async () => {
  one = await startTestLastro({ terms: written(example()) })
})
afterAll(async () => {
  await one.stop()
  fs.rmSync(folder, { recursive: true })
})

describe("LASTRO_TERMS_FILE", () => {
  it("prices payments by its rules, and those that none fits by its plain fee", async () => {
    const shop = await openShop(one, "padaria")
    const other = await openShop(one, "other")
    expect((await shop.pay()).json.fee).toBe(150)
    expect((await shop.pay({ amount: 200_000 })).json.fee).toBe(2_000)
    expect((await other.pay()).json.fee).toBe(299 + 30)
  })

  it("has one price for a payment, whether it is captured whole or in parts", async () => {
    const shop = await openShop(one, "padaria")
    const feeOf = async (...amounts: ReadonlyArray<number>) => {
      const { json: { id } } = await shop.pay({ amount: 100_000, capture: "manual" })
      let fee
      for (const amount of amounts) {
        const { json, status } = await shop.post(`/v1/payments/${id}/capture`, { amount })
        expect(status).toBe(201)
        fee = json.fee
      }
      return fee
    }
    expect(await feeOf(100_000)).toBe(1_000)
    expect(await feeOf(99_999, 1)).toBe(1_000)
  })

  it("says how long an authorization is kept", async () => {
    const shop = await openShop(one, "other")
    const { json } = await shop.pay({ capture: "manual" })
    const kept = Date.parse(json.expires_at) - Date.parse(json.updated_at)
    expect(kept).toBe(3 * 86_400_000)
  })

  it("holds the rates that currencies are converted at, each direction once", () => {
    const { fx } = written(example("docs/fx.md"))
    expect(fx?.rates).toHaveLength(2)
    const table = (...rates: ReadonlyArray<object>) =>
      written({ fx: { ...fx, rates: rates.map((rate) => ({ ...fx!.rates[0], ...rate })) } })
    expect(() => table({}, { rate: "5.2" })).toThrow(/fx\.rates.*each direction once/)
    expect(() => table({ to: "USD" })).toThrow(/fx\.rates\.0.*two currencies/)
    expect(() => table({ rate: 5.2 })).toThrow(/fx\.rates\.0\.rate/)
    expect(() => table({ rate: "0.0" })).toThrow(/above 0/)
    expect(() => table({ spread_basis_points: 10_000 })).toThrow(/spread_basis_points/)
  })

  it("is JSON, and can be read", () => {
    expect(() => written("{")).toThrow(/is not JSON/)
    expect(() => configuredTerms({ LASTRO_TERMS_FILE: join(folder, "none") })).toThrow(/be read/)
  })
})
