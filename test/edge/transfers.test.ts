import type { NatsConnection } from "@nats-io/transport-node"
import { afterAll, beforeAll, expect, test } from "vitest"
import { eventually, query, startTestLastro, type TestLastro } from "../support/lastro.ts"
import { connectAs } from "../support/machine.ts"
import { natsCaller } from "../support/natsCaller.ts"
import { imbalances, leaksIn, openShop, settle, type Shop } from "../support/shop.ts"

let one: TestLastro
let acme: Shop
let globex: Shop
let nc: NatsConnection
let ask: ReturnType<typeof natsCaller>
beforeAll(async () => {
  one = await startTestLastro()
  const credentials = await one.stack.merchantCredentials("acme")
  nc = await connectAs(one.stack, credentials)
  ask = natsCaller(nc, credentials.user)
  acme = await openShop(one, "acme")
  globex = await openShop(one, "globex")
  const { json } = await acme.pay()
  await settle(one, json.created_at)
  await eventually(async () => (await acme.available("BRL")) === "9701" || undefined, 40_000)
})
afterAll(async () => {
  await nc.close()
  await one.stop()
})

const controls = () =>
  query(
    one.stack.databaseUrl,
    `select sum(posted_debits - posted_credits)::int as net, sum(posted_debits)::int as moved
     from accounts where path like 'control:transfers:%'`
  )

test("money goes from one merchant's book to another's, once, whatever is repeated", async () => {
  const wanted = {
    currency: "BRL",
    amount: 3_000,
    to: { merchant: "globex", recipient: "shop" },
    reference: "invoice-7"
  }
  const sent = await acme.post("/v1/transfers", wanted, { "idempotency-key": "t-1" })
  expect([sent.status, sent.json.status, sent.json.direction]).toEqual([201, "completed", "out"])
  expect(sent.headers.get("location")).toBe(`/v1/transfers/${sent.json.id}`)
  const again = await acme.post("/v1/transfers", wanted, { "idempotency-key": "t-1" })
  expect([again.status, again.json]).toEqual([201, sent.json])
  const other = await acme.post("/v1/transfers", { ...wanted, amount: 1 }, {
    "idempotency-key": "t-1"
  })
  expect([other.status, other.json.code]).toEqual([422, "idempotency_key_reused"])
  expect(await acme.available("BRL")).toBe("6701")
  expect(await globex.available("BRL", "shop")).toBe("3000")
  expect(await controls()).toEqual([{ net: 0, moved: 3_000 }])
  const { json: there } = await globex.get(`/v1/transfers/${sent.json.id}`)
  expect(there).toMatchObject({
    direction: "in",
    recipient: "shop",
    from: { merchant: "acme" },
    reference: "invoice-7"
  })
  const { json: entries } = await globex.get(`/v1/journal?payment_id=${sent.json.id}`)
  expect(entries.data.map(({ kind }: { kind: string }) => kind)).toEqual(["transfer_arrived"])
})

test("more than is available is refused, and the refusal is remembered", async () => {
  const wanted = { currency: "BRL", amount: 6_702, to: { merchant: "globex" } }
  for (let round = 0; round < 2; round++) {
    const { json, status } = await acme.post("/v1/transfers", wanted, { "idempotency-key": "t-2" })
    expect([status, json.code, json.detail]).toEqual([
      409,
      "insufficient_funds",
      "6701 is available"
    ])
  }
  const self = await acme.post("/v1/transfers", { ...wanted, amount: 1, to: {} })
  expect([self.status, self.json.code]).toEqual([422, "same_wallet"])
  expect(await acme.available("BRL")).toBe("6701")
})

test("through NATS a transfer is the same, and its identifier, too", async () => {
  const body = { command_id: "t-3", currency: "BRL", amount: 701, to: { recipient: "seller" } }
  const first = await ask("transfer", "acme", body)
  expect(first).toMatchObject({ transfer: { status: "completed", amount: 701 } })
  expect(await ask("transfer", "acme", body)).toEqual(first)
  expect(await ask("transfer", "acme", { ...body, command_id: "t-4", amount: 1_000_000 }))
    .toMatchObject({
      refused: { code: "insufficient_funds" }
    })
  // The same command over HTTP is the one that is there already.
  const { command_id: _, ...same } = body
  const { json, status } = await acme.post("/v1/transfers", same, { "idempotency-key": "t-3" })
  expect([status, json.id]).toEqual([201, first.transfer.id])
  expect(await acme.available("BRL")).toBe("6000")
  expect(await acme.available("BRL", "seller")).toBe("701")
})

test("transfers are listed newest first, each merchant its own side", async () => {
  const { json: page } = await acme.get("/v1/transfers?limit=1")
  expect(page).toMatchObject({
    data: [{ amount: 701, to: { recipient: "seller" } }],
    has_more: true
  })
  const { json: rest } = await acme.get(`/v1/transfers?cursor=${page.next_cursor}`)
  expect(rest).toMatchObject({ data: [{ amount: 3_000 }], has_more: false })
  const { json: theirs } = await globex.get("/v1/transfers")
  expect(theirs.data.map(({ direction }: { direction: string }) => direction)).toEqual(["in"])
  expect(await imbalances(one)).toEqual([])
})

test("a transfer to a merchant that nobody has comes back, through HTTP and NATS", async () => {
  const wanted = { currency: "BRL", amount: 100, to: { merchant: "nobody" } }
  const { json, status } = await acme.post("/v1/transfers", wanted)
  expect([status, json.status, json.failure.code]).toEqual([201, "failed", "merchant_not_found"])
  expect(await ask("transfer", "acme", { ...wanted, command_id: "t-5" })).toMatchObject({
    transfer: { status: "failed", failure: { code: "merchant_not_found" } }
  })
  expect(await acme.available("BRL")).toBe("6000")
  expect((await controls())[0]).toMatchObject({ net: 0 })
  expect(await imbalances(one)).toEqual([])
})

test("G17: no log line holds an e-mail, a key or a card number", () => {
  expect(leaksIn(one.logs)).toEqual([])
})
