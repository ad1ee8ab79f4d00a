import { headers, type NatsConnection } from "@nats-io/transport-node"

const ANSWER_MILLIS = 30_000
const ACKNOWLEDGED_MILLIS = 10_000

let asked = 0

/** Publishes a command as this user's own system does, and waits for the actor's answer. */
export const natsCaller = (nc: NatsConnection, user: string) =>
async (
  type: string,
  merchant: string,
  body: object | string
  // deno-lint-ignore no-explicit-any
): Promise<any> => {
  const inbox = `_INBOX.${user}.reply.${++asked}`
  const answers = nc.subscribe(inbox, { max: 1, timeout: ANSWER_MILLIS })
  const sent = headers()
  sent.set("Lastro-Reply-To", inbox)
  const payload = body instanceof Uint8Array || typeof body === "string"
    ? body
    : JSON.stringify(body)
  await nc.request(`lastro.payments.${type}.${merchant}`, payload, {
    headers: sent,
    timeout: ACKNOWLEDGED_MILLIS
  })
  for await (const answer of answers) return answer.json()
}
