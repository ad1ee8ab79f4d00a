import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { readBrCode } from "../../src/domain/brCode.ts"
import { startTestLastro, type TestLastro } from "../support/lastro.ts"
import { imbalances, openShop, type Shop } from "../support/shop.ts"

let one: TestLastro
let shop: Shop
beforeAll(async () => {
  one = await startTestLastro()
  shop = await openShop(one, "acme")
})
afterAll(() => one.stop())

const pix = { payment_method: { type: "pix" } }
const payer = async (id: string, body: object = {}) => {
  const txid = `${id.slice("pay_".length)}01`
  const url = `${one.lastro.banks.get("pix")!.url}/payer/${txid}`
  return (await fetch(url, { method: "POST", body: JSON.stringify(body) })).status
}

test("a payment by Pix waits with a code and an image, and is captured when the payer paid", async () => {
  const { json, status } = await shop.pay(pix)
  expect([status, json.status]).toEqual([201, "requires_action"])
  const { br_code, type, url } = json.next_action
  expect(type).toBe("pix")
  expect(readBrCode(br_code)?.get("58")).toBe("BR")
  const image = await shop.get(url)
  expect(image.headers.get("content-type")).toBe("image/svg+xml")
  expect(image.json).toMatch(/^<svg .*<\/svg>\s*$/s)

  expect(await payer(json.id)).toBe(200)
  const paid = await shop.until(json.id, "captured")
  expect(paid.charge_id).toMatch(/^E/)
  expect(paid.fee).toBe(299)
  expect((await shop.get(url)).status).toBe(404)
  // A second scan of the same code pays nothing.
  expect(await payer(json.id)).toBe(409)
})

test("news that never came is found by asking", async () => {
  const { json } = await shop.pay(pix)
  await payer(json.id, { quietly: true })
  await shop.until(json.id, "captured")
})

test("a refund is a return, also one the bank makes later", async () => {
  const { json } = await shop.pay(pix)
  await payer(json.id)
  await shop.until(json.id, "captured")
  const bank = one.lastro.banks.get("pix")!.url
  await fetch(`${bank}/control`, { method: "POST", body: JSON.stringify({ returns: "later" }) })
  const { json: asked } = await shop.post(`/v1/payments/${json.id}/refunds`, { amount: 4_000 })
  expect(asked.refunds[0].status).toBe("pending")
  await shop.until(json.id, ({ amount_refunded }) => amount_refunded === 4_000)
  const book = (await fetch(`${bank}/book`).then((answer) => answer.json())) as ReadonlyArray<
    { endToEndId: string; devolucoes?: ReadonlyArray<{ valor: string }> }
  >
  const { charge_id } = (await shop.get(`/v1/payments/${json.id}`)).json
  const received = book.find(({ endToEndId }) => endToEndId === charge_id)
  expect(received!.devolucoes!.map(({ valor }) => valor)).toEqual(["40.00"])
})

test("a payment of another amount than was asked for is held in suspense", async () => {
  const { json } = await shop.pay(pix)
  await payer(json.id, { valor: "1.00" })
  const failed = await shop.until(json.id, "failed")
  expect(failed.failure.code).toBe("gateway_amount_mismatch")
})

test.each([
  [{ type: "pix", token: "tok_approved" }, "/payment_method/token"],
  [{ type: "card", token: "tok_approved", expires_in: 600 }, "/payment_method/expires_in"],
  [{ type: "pix", due_date: "2099-01-01" }, "/payment_method/payer"],
  [{ type: "pix", expires_in: 5 }, "/payment_method/expires_in"]
])("what makes no sense for Pix is refused at its place: %j", async (payment_method, pointer) => {
  const { json, status } = await shop.pay({ payment_method })
  expect([status, json.errors[0].pointer]).toEqual([422, pointer])
})

test("a due date needs its payer, whose number is shown to nobody", async () => {
  const payment_method = {
    type: "pix",
    due_date: "2099-12-31",
    payer: { name: "Ana", tax_id: "12345678909" }
  }
  const { json } = await shop.pay({ payment_method })
  expect(json.status).toBe("requires_action")
  expect(json.payment_method).toEqual({ type: "pix", due_date: "2099-12-31" })
  expect(one.logs.join()).not.toContain("12345678909")
  await payer(json.id)
  await shop.until(json.id, "captured")
})

describe("a Pix that its merchant gives up", () => {
  const bank = () => one.lastro.banks.get("pix")!.url
  const statusOf = async (id: string) => {
    const answer = await fetch(`${bank()}/book/${id.slice("pay_".length)}01`)
    return (await answer.json() as { status: string }).status
  }

  test.each([["within an hour", {}], ["until a day", {
    due_date: "2099-12-31",
    payer: { name: "Ana", tax_id: "12345678909" }
  }]])("to be paid %s is removed at the bank, and nobody is shown its code", async (_, more) => {
    const { json } = await shop.pay({ payment_method: { type: "pix", ...more } })
    const { json: ended, status } = await shop.post(`/v1/payments/${json.id}/void`)
    expect([status, ended.status, ended.next_action]).toEqual([201, "voided", undefined])
    expect(await statusOf(json.id)).toBe("REMOVIDA_PELO_USUARIO_RECEBEDOR")
    expect((await shop.get(`/v1/payments/${json.id}/qr-code`)).status).toBe(404)
    expect(await payer(json.id)).toBe(409)
  })

  test("and that was paid a moment before goes back to the payer", async () => {
    const { json } = await shop.pay(pix)
    await payer(json.id, { quietly: true })
    const { status } = await shop.post(`/v1/payments/${json.id}/void`)
    expect(status).toBe(201)
    const ended = await shop.until(json.id, ({ amount_refunded }) => amount_refunded === 10_000)
    expect(ended.refunds).toMatchObject([{ amount: 10_000, status: "succeeded" }])
  })
})

test("Pix in another currency and with manual capture moves nothing", async () => {
  for (const fields of [{ currency: "USD" }, { capture: "manual" }]) {
    const { json } = await shop.pay({ ...pix, ...fields })
    expect(json).toMatchObject({ status: "failed", failure: { code: "pix_not_possible" } })
  }
})

test("the books balance", async () => {
  expect(await imbalances(one)).toEqual([])
})
