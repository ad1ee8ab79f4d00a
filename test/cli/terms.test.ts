import * as fs from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { configuredTerms } from "../../src/cli/terms.ts"
import { startTestLastro, testFolder, type TestLastro } from "../support/lastro.ts"
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

  it("is refused with the place that is wrong", () => {
    expect(() => written({ fees: [{ fee: { fixed: "0" } }] })).toThrow(
      /fees\.0\.fee\.percentage_basis_points/
    )
    expect(() => written({ payouts: [{ schedule: "hourly" }] })).toThrow(/payouts\.0\.schedule/)
    expect(() => written({ price: 1 })).toThrow(/price/)
    expect(() => written("{")).toThrow(/is not JSON/)
    expect(() => configuredTerms({ LASTRO_TERMS_FILE: join(folder, "none") })).toThrow(/be read/)
  })
})
