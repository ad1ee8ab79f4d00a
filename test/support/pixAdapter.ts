import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { Effect, Schema } from "effect"
import { pix } from "../../actors/gateway/pix.ts"
import type { Gateway } from "../../actors/gateway/port.ts"
import { Call } from "../../streams/messages/gateway.ts"

export const SECRET = "secret-of-the-address"
const EVP = "71cdf9ba-c695-4e3c-b010-abb521a3f1be"

/** Our adapter before a bank at this address. */
export const adapterAt = (url: string, more = {}) =>
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

/** The charge of a payment; tests say what is special about theirs. */
export const callOf = (payment_id: string, more: object = {}) =>
  Schema.decodeUnknownSync(Call)({
    payment_id,
    gateway: "pix",
    attempt: `${payment_id}.charge.1`,
    operation: "charge",
    amount: "1050",
    currency: "BRL",
    capture: true,
    ...more
  })

export const performAt = async (at: Gateway, call: ReturnType<typeof callOf>) =>
  (await Effect.runPromise(at.perform(call, "acme"))).outcome as Readonly<Record<string, string>>

/** A bank that says the same whatever it is asked. */
export const bankSaying = async (body: unknown, status = 200) => {
  const server = createServer((request, response) => {
    const token = request.url === "/oauth/token"
    response.writeHead(token ? 200 : status, { "content-type": "application/json" })
    response.end(JSON.stringify(token ? { access_token: "token", expires_in: 300 } : body))
  })
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done))
  const at = adapterAt(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  return { at, stop: () => server.close() }
}
