import { execFileSync } from "node:child_process"
import * as fs from "node:fs"
import { createServer, type Server } from "node:http"
import type { AddressInfo } from "node:net"
import { join } from "node:path"
import { Effect, Schema } from "effect"
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest"
import { pix } from "../../actors/gateway/pix.ts"
import type { Gateway } from "../../actors/gateway/port.ts"
import { readBrCode } from "../../src/domain/brCode.ts"
import { paymentIdOf } from "../../src/domain/identifiers.ts"
import { type PixSimulator, startPixSimulator } from "../../src/stack/pix/server.ts"
import { Call } from "../../streams/messages/gateway.ts"
import { fetchTool, startTool } from "../support/emulators.ts"
import { testFolder } from "../support/lastro.ts"
import { describedBy, descriptionFile, type Exchange } from "../support/pixDescription.ts"

const SECRET = "secret-of-the-address"
const EVP = "71cdf9ba-c695-4e3c-b010-abb521a3f1be"
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

const adapterAt = (url: string, more = {}) =>
  pix({
    name: "pix",
    url: `${url}/api/v2`,
    tokenUrl: `${url}/oauth/token`,
    clientId: "lastro",
    clientSecret: "secret",
    key: EVP,
    receiverName: "Loja",
    receiverCity: "RECIFE",
    webhookSecret: SECRET,
    ...more
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
const call = (more: object = {}) =>
  Schema.decodeUnknownSync(Call)({
    payment_id: paymentId(),
    gateway: "pix",
    attempt: `${paymentId()}.charge.1`,
    operation: "charge",
    amount: "1050",
    currency: "BRL",
    capture: true,
    ...more
  })
const perform = async (more: object = {}, at = gateway) =>
  (await Effect.runPromise(at.perform(call(more), "acme"))).outcome as Readonly<
    Record<string, string>
  >
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
    expect(await perform({ operation: "void", charge_id: txid() }))
      .toMatchObject({ _tag: "Declined" })
  })
})

describe("a return (devolução)", () => {
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

/** A bank that says the same whatever it is asked. */
const bankSaying = async (body: unknown, status = 200) => {
  const server = createServer((request, response) => {
    const token = request.url === "/oauth/token"
    response.writeHead(token ? 200 : status, { "content-type": "application/json" })
    response.end(JSON.stringify(token ? { access_token: "token", expires_in: 300 } : body))
  })
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done))
  const at = adapterAt(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  return { at, stop: () => server.close() }
}

test.each([
  ["a due date that never comes", { dataDeVencimento: "2026-13-01" }, "Declined"],
  ["a moment without a zone", { criacao: "2026-08-31T12:00:00" }, "RequiresAction"],
  ["a moment that is none", { criacao: "yesterday" }, "RequiresAction"],
  ["an endless life", { expiracao: 1e300 }, "RequiresAction"]
])("what a bank tells with %s is an answer all the same", async (_about, calendario, tag) => {
  const told = { status: "ATIVA", location: "pix.example/1", revisao: 0 }
  const criacao = new Date().toISOString()
  const { at, stop } = await bankSaying({ ...told, calendario: { criacao, ...calendario } })
  expect((await Effect.runPromise(at.inquire(call())))?._tag).toBe(tag)
  stop()
})

test("what the bank has no room for now was not sent, and a question says nothing", async () => {
  const { at, stop } = await bankSaying({}, 429)
  const returned = call(refunding("E1", "100"))
  const questions: ReadonlyArray<Effect.Effect<unknown, { readonly _tag: string }>> = [
    at.perform(call(), "acme"),
    at.perform(returned, "acme"),
    at.inquire(returned)
  ]
  for (const asked of questions) {
    const { _tag } = await Effect.runPromise(Effect.flip(asked))
    expect(_tag).toBe("GatewayUnreachable")
  }
  stop()
})

test("the bank's news is known by the secret of its address", async () => {
  const body = JSON.stringify({
    pix: [{ endToEndId: "E1", txid: txid(), devolucoes: [{ id: "a1", status: "DEVOLVIDO" }] }]
  })
  const read = (token: string) =>
    Effect.runPromise(gateway.readWebhook!({ body, header: () => undefined, token }))
  expect(await read(SECRET)).toEqual([
    { payment_id: paymentId(), attempt: `${paymentId()}.charge.1`, says: "made" },
    { payment_id: paymentId(), attempt: `${paymentId()}.refund.ref_a1`, says: "made" }
  ])
  await expect(read("another")).rejects.toThrow()
  await expect(read("")).rejects.toThrow()
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

const prism = descriptionFile && await fetchTool("@stoplight/prism-cli", "5.16.0")

test.skipIf(prism === undefined)(
  "a mock made from the description takes our requests",
  async () => {
    const mock = await startTool(
      prism!,
      "@stoplight/prism-cli/dist/index.js",
      (port) => ["mock", "--port", String(port), descriptionFile!]
    )
    const tokens = createServer((_, response) =>
      response.end(JSON.stringify({ access_token: "t", expires_in: 600 }))
    )
    await new Promise<void>((done) => tokens.listen(0, "127.0.0.1", done))
    try {
      const { port } = tokens.address() as AddressInfo
      const mocked = adapterAt("", { url: mock.url, tokenUrl: `http://127.0.0.1:${port}` })
      const outcome = await perform({}, mocked)
      // It answers with the description's own examples, which are years old; what is not valid is a 400.
      expect(["RequiresAction", "Declined", "Approved"]).toContain(outcome["_tag"])
      const e2e = "E12345678202009091221kkkkkkkkkkk"
      const returned = await perform(refunding(e2e, "790"), mocked)
      expect(["Unknown", "Approved"]).toContain(returned["_tag"])
    } finally {
      tokens.close()
      await mock.stop()
    }
  }
)

const openssl = (...args: ReadonlyArray<string>) =>
  execFileSync("openssl", args, { cwd: folder, stdio: "pipe" })

const hasOpenssl = (() => {
  try {
    execFileSync("openssl", ["version"], { stdio: "pipe" })
    return true
  } catch {
    console.warn("skipped: openssl is not there to make certificates")
    return false
  }
})()

test.skipIf(!hasOpenssl)(
  "both sides show certificates, and without ours nothing is sent",
  async () => {
    const read = (name: string) => fs.readFileSync(join(folder, name), "utf8")
    const made = ["-newkey", "rsa:2048", "-nodes"]
    const authority = [
      "-days",
      "2",
      "-keyout",
      "ca.key",
      "-out",
      "ca.pem",
      "-subj",
      "/CN=authority"
    ]
    openssl("req", "-x509", ...made, ...authority)
    fs.writeFileSync(join(folder, "names"), "subjectAltName=IP:127.0.0.1")
    for (const name of ["bank", "lastro"]) {
      const asked = ["-keyout", `${name}.key`, "-out", `${name}.csr`, "-subj", `/CN=${name}`]
      openssl("req", ...made, ...asked)
      const signed = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "names"]
      openssl("x509", "-req", "-days", "2", "-in", `${name}.csr`, "-out", `${name}.pem`, ...signed)
    }
    const ca = read("ca.pem")
    const secure = await startPixSimulator({
      file: join(folder, "secure.db"),
      tls: { cert: read("bank.pem"), key: read("bank.key"), ca }
    })
    try {
      const ours = { cert: read("lastro.pem"), key: read("lastro.key"), ca }
      expect(await perform({}, adapterAt(secure.url, { tls: ours })))
        .toMatchObject({ _tag: "RequiresAction" })
      const nobody = adapterAt(secure.url, { tls: { ca } })
      const error = await Effect.runPromise(Effect.flip(nobody.perform(call(), "acme")))
      expect(error._tag).toBe("GatewayUnreachable")
    } finally {
      await secure.stop()
    }
  }
)
