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

const breaksOf = async (charge_id: string) => {
  const { json } = await one.ask(
    await one.operatorKey(),
    "GET",
    "/v1/reconciliation/breaks?limit=100"
  )
  return json.data.filter((one: { charge_id: string }) => one.charge_id === charge_id)
}
const returnedAt = async (charge_id: string) => {
  const book = (await fetch(`${one.lastro.banks.get("pix")!.url}/book`)
    .then((answer) => answer.json())) as ReadonlyArray<
      { endToEndId: string; devolucoes?: ReadonlyArray<{ valor: string }> }
    >
  return book.find(({ endToEndId }) => endToEndId === charge_id)!.devolucoes?.map((one) =>
    one.valor
  )
}

describe("a payment of another amount than was asked for", () => {
  test.each(["1.00", "250.00"])(
    "is held in suspense, and the payer can be given it again: %s",
    async (valor) => {
      const { json } = await shop.pay(pix)
      await payer(json.id, { valor })
      const failed = await shop.until(json.id, "failed")
      expect(failed.failure.code).toBe("gateway_amount_mismatch")
      const [stray] = failed.in_suspense
      expect(stray).toMatchObject({ amount: Number(valor) * 100, returned: 0, gateway: "pix" })
      await expect.poll(() => breaksOf(stray.charge_id), { timeout: 20_000 }).toHaveLength(1)

      const { json: asked, status } = await shop.post(`/v1/payments/${json.id}/refunds`)
      expect([status, asked.refunds[0].charge_id]).toEqual([201, stray.charge_id])
      const back = await shop.until(json.id, ({ refunds }) => refunds[0].status === "succeeded")
      expect(back).toMatchObject({ status: "failed", amount_refunded: 0 })
      expect(back.in_suspense[0].returned).toBe(stray.amount)
      expect(await returnedAt(stray.charge_id)).toEqual([valor])
      const again = await shop.post(`/v1/payments/${json.id}/refunds`)
      expect([again.status, again.json.code]).toEqual([422, "nothing_to_refund"])
    }
  )
})

/** Somebody at the bank gives it back, without us. */
const returnAtDesk = async (charge_id: string, valor: string) => {
  const bank = one.lastro.banks.get("pix")!.url
  const asked = await fetch(`${bank}/oauth/token`, {
    method: "POST",
    headers: { authorization: "Basic x" }
  })
  const { access_token } = (await asked.json()) as { access_token: string }
  await fetch(`${bank}/api/v2/pix/${charge_id}/devolucao/desk1`, {
    method: "PUT",
    headers: { authorization: `Bearer ${access_token}` },
    body: JSON.stringify({ valor })
  })
}

test("a second payment of one charge is found, told as a break, and goes back by its name", async () => {
  const { json } = await shop.pay(pix)
  await payer(json.id)
  const paid = await shop.until(json.id, "captured")
  await payer(json.id, { anyway: true })
  const twice = await shop.until(json.id, ({ in_suspense }) => in_suspense?.length === 1)
  expect(twice).toMatchObject({ status: "captured", charge_id: paid.charge_id })
  const [{ amount, charge_id }] = twice.in_suspense
  expect(amount).toBe(10_000)
  await expect.poll(() => breaksOf(charge_id), { timeout: 20_000 }).toHaveLength(1)
  await shop.post(`/v1/payments/${json.id}/refunds`, { amount: 9_000, charge_id })
  await shop.until(json.id, ({ in_suspense }) => in_suspense[0].returned === 9_000)
  expect(await returnedAt(charge_id)).toEqual(["90.00"])
  // The rest at the bank's own desk.
  await returnAtDesk(charge_id, "10.00")
  const { amount_refunded } = await shop.until(
    json.id,
    ({ in_suspense }) => in_suspense[0].returned === 10_000
  )
  expect(amount_refunded).toBe(0)
  expect(await returnedAt(paid.charge_id)).toBeUndefined()
  const { json: wrong, status } = await shop.post(`/v1/payments/${json.id}/refunds`, {
    charge_id: "E0"
  })
  expect([status, wrong.code]).toEqual([404, "charge_not_found"])
})

test("a return that was made at the bank's own desk is booked, and a break", async () => {
  const { json } = await shop.pay(pix)
  await payer(json.id)
  const { charge_id } = await shop.until(json.id, "captured")
  await returnAtDesk(charge_id, "3.00")
  const told = await shop.until(json.id, ({ amount_refunded }) => amount_refunded === 300)
  expect(told.refunds).toMatchObject([{ amount: 300, made_at_gateway: true }])
  await expect.poll(() => breaksOf(charge_id), { timeout: 20_000 }).toHaveLength(1)
})

test("a return of another amount than was asked for is booked as the bank made it, and a break", async () => {
  const { json } = await shop.pay(pix)
  await payer(json.id)
  const { charge_id } = await shop.until(json.id, "captured")
  const control = (body: object) =>
    fetch(`${one.lastro.banks.get("pix")!.url}/control`, {
      method: "POST",
      body: JSON.stringify(body)
    })
  await control({ returns: "at_once", returns_valor: "0.50" })
  const { json: asked } = await shop.post(`/v1/payments/${json.id}/refunds`, { amount: 200 })
  await control({})
  expect(asked).toMatchObject({
    amount_refunded: 50,
    refunds: [{ amount: 50, status: "succeeded" }]
  })
  await expect.poll(() => breaksOf(charge_id), { timeout: 20_000 }).toHaveLength(1)
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
    return (await answer.json() as { status: string } | null)?.status
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

  test("right behind the 202 is payable nowhere, however far its charge has come", async () => {
    const ids = await Promise.all(Array.from({ length: 8 }, async () => {
      const { json, status } = await shop.pay(pix, { prefer: "" })
      expect(status).toBe(202)
      await shop.post(`/v1/payments/${json.id}/void`)
      return json.id as string
    }))
    for (const id of ids) {
      await shop.until(id, "voided")
      // Where the bank was never asked, it has nothing.
      expect(["REMOVIDA_PELO_USUARIO_RECEBEDOR", undefined]).toContain(await statusOf(id))
    }
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
