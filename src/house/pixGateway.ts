import { randomBytes } from "node:crypto"
import { join } from "node:path"
import type { PixGateway, Secret } from "../../actors/gateway/configuration.ts"
import type { Gateway } from "../../actors/gateway/port.ts"
import { pix } from "../../actors/gateway/pix.ts"
import { type SimulatorThread, startPixThread } from "../simulators/start.ts"
import { StackError } from "../stack/stack.ts"

/** A simulated bank that was started here. */
export interface OwnBank extends SimulatorThread {
  readonly key: string
  readonly webhookSecret: string
}

type Configured = typeof PixGateway.Type

/** A random key (EVP), as the directory would give one. */
const SIMULATED_KEY = "71cdf9ba-c695-4e3c-b010-abb521a3f1be"

const named = ({ key, receiver_city, receiver_name }: Configured) => ({
  key: key ?? SIMULATED_KEY,
  receiverName: receiver_name ?? "Lastro Demo",
  receiverCity: receiver_city ?? "SAO PAULO"
})

/** A bank that runs elsewhere needs everything that makes us known to it. */
export const openPix = (
  one: Configured,
  url: string,
  secretOf: (secret: Secret) => string
): Gateway => {
  const { authority, certificate, client_id, client_secret, key, name, private_key } = one
  const needs = (member: string) =>
    new StackError(`the gateway ${name} has a url and needs its ${member}, too.`)
  if (client_id === undefined || client_secret === undefined) {
    throw needs("client_id and client_secret")
  }
  if (key === undefined) throw needs("key")
  if ((certificate === undefined) !== (private_key === undefined)) {
    throw needs("certificate and private_key")
  }
  return pix({
    ...named(one),
    name,
    url: url.replace(/\/$/, ""),
    tokenUrl: one.token_url ?? new URL("/oauth/token", url).href,
    clientId: secretOf(client_id),
    clientSecret: secretOf(client_secret),
    ...(certificate && private_key && {
      tls: {
        cert: secretOf(certificate),
        key: secretOf(private_key),
        ...(authority && { ca: secretOf(authority) })
      }
    }),
    ...(one.webhook_secret && { webhookSecret: secretOf(one.webhook_secret) })
  })
}

/** A simulated bank takes any name and password: nobody has to be told one. */
export const simulatedPix = (one: Configured, base: string, webhookSecret?: string): Gateway =>
  pix({
    ...named(one),
    name: one.name,
    url: `${base}/api/v2`,
    tokenUrl: `${base}/oauth/token`,
    clientId: "lastro",
    clientSecret: randomBytes(24).toString("base64url"),
    ...(webhookSecret !== undefined && { webhookSecret })
  })

/** Without an address a bank is simulated here, with its payers. */
export const openOwnPix = async (
  one: Configured,
  dataDir: string
): Promise<{ readonly gateway: Gateway; readonly bank: OwnBank }> => {
  const thread = await startPixThread(join(dataDir, `${one.name}.db`))
  const webhookSecret = randomBytes(24).toString("base64url")
  const gateway = simulatedPix(one, thread.url, webhookSecret)
  return { gateway, bank: { ...thread, key: named(one).key, webhookSecret } }
}

/** Registers our address with a simulated bank, as its customer does with a real one. */
export const registerWebhook = async (
  { key, url, webhookSecret }: OwnBank,
  address: string
): Promise<void> => {
  const granted = await fetch(`${url}/oauth/token`, {
    method: "POST",
    headers: { authorization: "Basic bGFzdHJv" }
  })
  const { access_token } = (await granted.json()) as { access_token: string }
  const answer = await fetch(`${url}/api/v2/webhook/${encodeURIComponent(key)}`, {
    method: "PUT",
    headers: { authorization: `Bearer ${access_token}`, "content-type": "application/json" },
    body: JSON.stringify({ webhookUrl: `${address}/${webhookSecret}` })
  })
  await answer.body?.cancel()
}
