import * as fs from "node:fs"
import { createServer, type Server } from "node:http"
import type { AddressInfo } from "node:net"
import { join } from "node:path"
import { Effect } from "effect"
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest"
import type { Gateway } from "../../actors/gateway/port.ts"
import { readBrCode } from "../../src/domain/brCode.ts"
import { paymentIdOf } from "../../src/domain/identifiers.ts"
import { type PixSimulator, startPixSimulator } from "../../src/simulators/pix/server.ts"
import { testFolder } from "../support/lastro.ts"
import { adapterAt, callOf, performAt, SECRET } from "../support/pixAdapter.ts"
import { describedBy, descriptionFile, type Exchange } from "../support/pixDescription.ts"

const exchanges: Array<Exchange> = []
let folder: string
let bank: PixSimulator
let proxy: Server
let gateway: Gateway
let orders = 0

/** Everything between our adapter and our bank passes here and is kept. */
const recording = (target: string) =>
  createServer(async (request, response) => {
    let text = ""
    for await (const part of request) text += part
    const answer = await fetch(target + request.url, {
      method: request.method!,
      headers: { authorization: request.headers.authorization ?? "" },
      ...(text !== "" && { body: text })
    })
    const told = await answer.text()
    if (request.url!.startsWith("/api/v2")) {
      exchanges.push({
        method: request.method!,
        path: request.url!.slice("/api/v2".length),
        requestBody: text === "" ? undefined : JSON.parse(text),
        status: answer.status,
        responseBody: told === "" ? undefined : JSON.parse(told)
      })
    }
    response.writeHead(answer.status, { "content-type": "application/json" })
    response.end(told)
  })

beforeAll(async () => {
  folder = testFolder("pix")
  bank = await startPixSimulator({ file: join(folder, "bank.db") })
  proxy = recording(bank.url)
  await new Promise<void>((done) => proxy.listen(0, "127.0.0.1", done))
  gateway = adapterAt(`http://127.0.0.1:${(proxy.address() as AddressInfo).port}`)
})
afterAll(async () => {
  proxy.close()
  await bank.stop()
  fs.rmSync(folder, { recursive: true, force: true })
})
beforeEach(() => {
  orders++
})

const paymentId = () => paymentIdOf("acme", `order-${orders}`)
const call = (more: object = {}) => callOf(paymentId(), more)
const perform = (more: object = {}, at = gateway) => performAt(at, call(more))
const inquire = (more: object = {}) => Effect.runPromise(gateway.inquire(call(more)))
const txid = () => `${paymentId().slice("pay_".length)}01`
const pay = (body: object = {}) =>
  fetch(`${bank.url}/payer/${txid()}`, { method: "POST", body: JSON.stringify(body) })
const control = (body: object) =>
  fetch(`${bank.url}/control`, { method: "POST", body: JSON.stringify(body) })
const refunding = (charge_id: string, amount: string, name = "1") => ({
  operation: "refund",
  charge_id,
  amount,
  attempt: `${paymentId()}.refund.ref_${name.padEnd(26, "0")}`
})
const paid = async () => {
  await perform()
  await pay()
  return (await inquire() as { charge_id: string }).charge_id
}

describe("a charge by Pix", () => {
  test("is a code to read, then paid once, under the bank's own number", async () => {
    const asked = await perform()
    expect(asked).toMatchObject({ _tag: "RequiresAction", charge_id: txid() })
    expect(readBrCode(asked["br_code"]!)?.get("26")).toContain("pix.bank.example")
    expect(await inquire()).toMatchObject({ _tag: "RequiresAction" })
    await pay()
    const approved = await inquire()
    expect(approved).toMatchObject({ _tag: "Approved", captured: true, amount: 1_050n })
    expect((approved as { charge_id: string }).charge_id).toMatch(/^E[A-Za-z0-9]{31}$/)
    expect((await pay()).status).toBe(409)
  })

  test("asked for twice is one: what the bank refuses as a repeat is read instead", async () => {
    const first = await perform()
    expect(await perform()).toEqual(first)
  })

  test("with a due date names its payer", async () => {
    const pix = { due_date: "2099-12-31", payer: { name: "Ana", tax_id: "12345678909" } }
    expect(await perform({ pix })).toMatchObject({ _tag: "RequiresAction" })
    await pay()
    expect(await inquire()).toMatchObject({ _tag: "Approved" })
  })

  test.each([
    ["12345678909", "cpf"],
    ["11222333000181", "cnpj"],
    ["12ABC34501DE35", "cnpj"]
  ])("is owed by %s, a %s", async (tax_id, member) => {
    const pix = { due_date: "2099-12-31", payer: { name: "Ana", tax_id } }
    expect(await perform({ pix })).toMatchObject({ _tag: "RequiresAction" })
    const { requestBody } = exchanges.findLast(({ method }) => method === "PUT")!
    expect((requestBody as { devedor: object }).devedor).toEqual({ nome: "Ana", [member]: tax_id })
  })

  test.each(["2026-13-01", "2020-01-01"])("due on %s is the bank's to refuse", async (due_date) => {
    const pix = { due_date, payer: { name: "Ana", tax_id: "12345678909" } }
    // Not through what is checked against the description: no day of it is like that.
    const outcome = await perform({ pix }, adapterAt(bank.url))
    expect(outcome).toMatchObject({ _tag: "NotProcessed", code: "pix_refused" })
    expect(await inquire()).toBeUndefined()
  })

  test("that nobody paid in time is declined, and not paid afterwards", async () => {
    expect(await inquire()).toBeUndefined()
    await perform({ pix: { expires_in: 60 } })
    expect(await inquire()).toMatchObject({ _tag: "RequiresAction" })
  })

  test("cannot be held, and moves reais only", async () => {
    expect(await perform({ capture: false })).toMatchObject({ _tag: "NotProcessed" })
    expect(await perform({ currency: "USD" })).toMatchObject({ _tag: "NotProcessed" })
    expect(await perform({ operation: "capture", charge_id: txid() }))
      .toMatchObject({ _tag: "Declined" })
  })
})

describe("a charge that is taken back", () => {
  const withdrawing = () => ({
    operation: "void",
    attempt: `${paymentId()}.void.1`,
    charge_id: txid()
  })

  test.each([
    ["cob", {}],
    ["cobv", {
      pix: { due_date: "2099-12-31", payer: { name: "Ana", tax_id: "12345678909" } }
    }]
  ])("is removed at the bank, a %s, and cannot be paid any more", async (kind, more) => {
    await perform(more)
    const removed = { _tag: "Approved", charge_id: txid(), captured: false, amount: 1_050n }
    expect(await perform(withdrawing())).toEqual(removed)
    const { method, path, requestBody } = exchanges.at(-1)!
    expect([method, path, requestBody]).toEqual(
      ["PATCH", `/${kind}/${txid()}`, { status: "REMOVIDA_PELO_USUARIO_RECEBEDOR" }]
    )
    expect((await pay()).status).toBe(409)
    expect(await inquire()).toMatchObject({ _tag: "Declined", code: "pix_removed" })
    // A repeat, and a question about it, find it removed.
    expect(await perform(withdrawing())).toEqual(removed)
    expect(await inquire(withdrawing())).toEqual(removed)
  })

  test("was paid first: the bank's word decides", async () => {
    await paid()
    const refused = { _tag: "Declined", code: "pix_paid" }
    expect(await perform(withdrawing())).toMatchObject(refused)
    expect(await inquire(withdrawing())).toMatchObject(refused)
  })

  test("was never there", async () => {
    expect(await perform(withdrawing())).toMatchObject({ _tag: "NotProcessed" })
    expect(await inquire(withdrawing())).toBeUndefined()
  })

  test("still waits where the bank has not removed it", async () => {
    await perform()
    expect(await inquire(withdrawing())).toBeUndefined()
  })

  test("and is paid all the same: the money counts, whatever the charge is called", async () => {
    await perform()
    await perform(withdrawing())
    await pay({ anyway: true })
    expect(await inquire()).toMatchObject({ _tag: "Approved", captured: true, amount: 1_050n })
  })
})

describe("a charge that is paid more than once", () => {
  type Told = { charge_id: string; others?: ReadonlyArray<{ charge_id: string; amount: bigint }> }

  test("tells each payment, and stays what it was", async () => {
    const first = await paid()
    await pay({ anyway: true, valor: "2.00" })
    await pay({ anyway: true })
    const told = await inquire({ charge_id: first }) as Told
    expect(told).toMatchObject({ _tag: "Approved", charge_id: first, amount: 1_050n })
    expect(told.others?.map(({ amount }) => amount)).toEqual([200n, 1_050n])
    expect(new Set([first, ...told.others!.map(({ charge_id }) => charge_id)]).size).toBe(3)
    // Asked about by another of them, it is that one.
    const { charge_id } = told.others![1]!
    expect(await inquire({ charge_id })).toMatchObject({ charge_id })
  })

  test("is the one of the right amount, whichever came first", async () => {
    await perform()
    await pay({ valor: "1.00" })
    await pay({ anyway: true })
    expect(await inquire()).toMatchObject({ amount: 1_050n, others: [{ amount: 100n }] })
  })
})

describe("a return (devolução)", () => {
  test("of another amount than was asked for is told as the bank made it", async () => {
    const charge = await paid()
    await control({ returns_valor: "0.50" })
    const part = refunding(charge, "200")
    expect(await perform(part)).toMatchObject({ _tag: "Approved", amount: 50n })
    expect(await inquire(part)).toMatchObject({ _tag: "Approved", amount: 50n })
    await control({})
  })

  test("gives back in parts, each once, never more than was paid", async () => {
    const charge = await paid()
    const part = refunding(charge, "1000")
    expect(await perform(part)).toMatchObject({ _tag: "Approved", amount: 1_000n })
    expect(await perform(part)).toMatchObject({ _tag: "Approved" })
    expect(await perform(refunding(charge, "51", "2"))).toMatchObject({ _tag: "NotProcessed" })
    expect(await perform(refunding(charge, "50", "3"))).toMatchObject({ _tag: "Approved" })
  })

  test.each([["later", "Approved"], ["refused", "Declined"]])(
    "that is made %s is unknown until the bank tells: %s",
    async (returns, tag) => {
      const charge = await paid()
      await control({ returns })
      const part = refunding(charge, "1000")
      expect(await perform(part)).toMatchObject({ _tag: "Unknown" })
      await expect.poll(async () => (await inquire(part))?._tag, { timeout: 10_000 }).toBe(tag)
      await control({ returns: "at_once" })
    }
  )
})

test("an outage of the bank sent nothing, and a token is asked for once", async () => {
  await control({ outage: true })
  const error = await Effect.runPromise(Effect.flip(gateway.perform(call(), "acme")))
  expect(error._tag).toBe("GatewayUnreachable")
  await control({ outage: false })
  expect(await perform()).toMatchObject({ _tag: "RequiresAction" })
})

test("the bank's news is known by the secret of its address", async () => {
  const body = JSON.stringify({
    pix: [{ endToEndId: "E1", txid: txid(), devolucoes: [{ id: "a1", status: "DEVOLVIDO" }] }]
  })
  const read = (token: string) =>
    Effect.runPromise(gateway.readWebhook!({ body, header: () => undefined, token }))
  expect(await read(SECRET)).toEqual([
    { payment_id: paymentId(), attempt: `${paymentId()}.charge.1`, says: "made", charge_id: "E1" },
    {
      payment_id: paymentId(),
      attempt: `${paymentId()}.refund.ref_a1`,
      refund_id: "a1",
      charge_id: "E1",
      says: "made"
    }
  ])
  await expect(read("another")).rejects.toThrow()
  await expect(read("")).rejects.toThrow()
})

test("a Pix to our key that is for no charge of ours is told as what nobody asked for", async () => {
  const of = { endToEndId: "E9", valor: "42.00", horario: "2026-08-31T12:00:00.000Z" }
  const read = (pix: object) => {
    const body = JSON.stringify({ pix: [pix] })
    const webhook = { body, header: () => undefined, token: SECRET }
    return Effect.runPromise(gateway.readWebhook!(webhook))
  }
  const at = Date.parse(of.horario)
  const stray = { kind: "charge", charge_id: "E9", amount: 4_200n, currency: "BRL", at }
  expect(await read(of)).toEqual([{ stray }])
  expect(await read({ ...of, txid: "oursIsNot1234567890123456" })).toEqual([{ stray }])
  expect(await read({ ...of, valor: "free" })).toEqual([])
})

test("what a bank takes back by the special mechanism is a dispute, told by its own name", async () => {
  const charge_id = await paid()
  const med = async (body: object) => {
    const url = `${bank.url}/med/${charge_id}`
    const answer = await fetch(url, { method: "POST", body: JSON.stringify(body) })
    const news = JSON.stringify({ pix: [await answer.json()] })
    return await Effect.runPromise(
      gateway.readWebhook!({ body: news, header: () => undefined, token: SECRET })
    )
  }
  const [, notice] = await med({ natureza: "MED_OPERACIONAL", valor: "4.50" })
  const dispute_id = `MED${txid()}`
  expect(notice).toEqual({ payment_id: paymentId(), dispute_id })
  const asked = { ...call(), charge_id, dispute_id, operation: "dispute" as const }
  const stands = () => Effect.runPromise(gateway.inquire(asked))
  expect(await stands()).toEqual({
    _tag: "Disputed",
    dispute_id,
    amount: 450n,
    currency: "BRL",
    fee: 0n,
    reason: "MED_OPERACIONAL",
    status: "under_review"
  })
  await med({ status: "NAO_REALIZADO" })
  expect(await stands()).toMatchObject({ status: "won" })
  await med({ status: "DEVOLVIDO" })
  expect(await stands()).toMatchObject({ status: "lost" })
  // A return of our own is no dispute, whatever somebody tells of it.
  expect(await perform(refunding(charge_id, "100"))).toMatchObject({ _tag: "Approved" })
  const ours = { ...asked, dispute_id: "1".padEnd(26, "0") }
  expect(await Effect.runPromise(gateway.inquire(ours))).toBeUndefined()
})

test.skipIf(descriptionFile === undefined)(
  "every request and every answer of this file is as the central bank describes it",
  () => {
    const problems = describedBy(descriptionFile!)
    expect(exchanges.length).toBeGreaterThan(30)
    expect(exchanges.flatMap((one) => problems(one).map((each) => [one.method, one.path, each])))
      .toEqual([])
    const [charge] = exchanges.filter(({ method }) => method === "PUT")
    // It must be able to find something.
    const wrong = { ...charge!, requestBody: { valor: { original: "1" } } }
    expect(problems(wrong).length).toBeGreaterThan(0)
  }
)
