import { execFileSync } from "node:child_process"
import * as fs from "node:fs"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { join } from "node:path"
import { Effect } from "effect"
import { afterAll, beforeAll, expect, test } from "vitest"
import { paymentIdOf } from "../../src/domain/identifiers.ts"
import { startPixSimulator } from "../../src/simulators/pix/server.ts"
import { fetchTool, startTool } from "../support/emulators.ts"
import { testFolder } from "../support/lastro.ts"
import { adapterAt, bankSaying, callOf, performAt } from "../support/pixAdapter.ts"
import { descriptionFile } from "../support/pixDescription.ts"
import { millisOf } from "../../src/domain/moment.ts"

let folder: string
beforeAll(() => {
  folder = testFolder("pix-banks")
})
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }))

const PAYMENT = paymentIdOf("acme", "order")
const call = (more: object = {}) => callOf(PAYMENT, more)
const perform = (more: object, at: ReturnType<typeof adapterAt>) => performAt(at, call(more))
const refunding = (charge_id: string, amount: string) => ({
  operation: "refund",
  charge_id,
  amount,
  attempt: `${PAYMENT}.refund.ref_${"1".padEnd(26, "0")}`
})

test.each([
  ["a due date that never comes", { dataDeVencimento: "2026-13-01" }, "Declined"],
  ["a moment without a zone", { criacao: "2026-08-31T12:00:00" }, "RequiresAction"],
  ["a moment that is none", { criacao: "yesterday" }, "RequiresAction"],
  ["an endless life", { expiracao: 1e300 }, "RequiresAction"],
  ["the last day of all", { dataDeVencimento: "9999-12-31" }, "RequiresAction"]
])("what a bank tells with %s is an answer all the same", async (_about, calendario, tag) => {
  const told = { status: "ATIVA", location: "pix.example/1", revisao: 0 }
  const criacao = new Date().toISOString()
  const { at, stop } = await bankSaying({ ...told, calendario: { criacao, ...calendario } })
  const outcome = await Effect.runPromise(at.inquire(call()))
  expect(outcome?._tag).toBe(tag)
  // Its end is a moment that everybody can read.
  if (outcome?._tag === "RequiresAction") expect(millisOf(outcome.expires_at)).toBeGreaterThan(0)
  stop()
})

test("what is gone for good is not there", async () => {
  const { at, stop } = await bankSaying({ title: "PermanentementeRemovido", status: 410 }, 410)
  expect(await Effect.runPromise(at.inquire(call()))).toBeUndefined()
  expect(await Effect.runPromise(at.inquire(call(refunding("E1", "100"))))).toBeUndefined()
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
