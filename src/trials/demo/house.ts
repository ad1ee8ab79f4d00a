import { PARTITIONS } from "../../../streams/mailboxes.ts"
import { Effect, Exit, Layer, ManagedRuntime, Scope } from "effect"
import type { PaymentResource } from "../../../streams/resources/payment.ts"
import { Commands } from "../../bus/commands.ts"
import { Nats, type NatsLink, open } from "../../bus/connection.ts"
import { stopEach } from "../../stack/stopEach.ts"
import { createApiKey, type NewKey } from "../../store/apiKeys.ts"
import { connect, type Db } from "../../store/database.ts"
import type { Lastro } from "../../house/lastro.ts"
import { type Receiver, startReceiver } from "./receiver.ts"
import { merchants } from "./traffic.ts"
import { merchantScopes, operatorScopes } from "../../domain/scope.ts"

export interface Endpoint {
  readonly id: string
  readonly merchant: string
  readonly events: ReadonlyArray<string>
  readonly receiver: Receiver
}

/** A running Lastro with everybody who talks to it: merchants' keys, an operator, a producer, shops. */
export interface House {
  readonly lastro: Lastro
  readonly db: Db
  readonly admin: NatsLink
  readonly producer: Commands["Service"]
  readonly operatorKey: string
  readonly keyOf: (merchant: string) => string
  readonly endpoints: ReadonlyArray<Endpoint>
  /** Asks as the operator. */
  readonly ask: <A>(path: string) => Promise<A>
  readonly look: (merchant: string, id: string) => Promise<PaymentResource | undefined>
  readonly close: () => Promise<void>
}

const CONNECTIONS_MAX = 4

/** Which events the largest merchants want to hear of. */
const wanted: ReadonlyArray<ReadonlyArray<string>> = [
  ["payment.*"],
  ["*"],
  ["payment.captured", "payment.refunded"],
  ["payment.*"],
  ["payment.failed", "payment.rejected"],
  ["payment.*"],
  ["payment.captured"],
  ["payment.authorized", "payment.partially_captured", "payment.voided"]
]

export const openHouse = async (lastro: Lastro): Promise<House> => {
  const { databaseUrl, nats, natsUrls } = lastro.stack
  const closes: Array<() => Promise<unknown>> = []
  const close = async () => {
    await stopEach(closes.splice(0))
  }
  try {
    const db = connect(databaseUrl, CONNECTIONS_MAX)
    closes.push(() => db.destroy())
    const scope = Scope.makeUnsafe()
    closes.push(() => Effect.runPromise(Scope.close(scope, Exit.void)))
    const admin = await Effect.runPromise(
      open({ urls: natsUrls, ...nats.admin, name: "lastro-demo" }).pipe(Scope.provide(scope))
    )
    const runtime = ManagedRuntime.make(
      Commands.layerOf(PARTITIONS).pipe(
        Layer.provide(Nats.layerOf({ urls: natsUrls, ...nats.producer, name: "lastro-demo" }))
      )
    )
    closes.push(() => runtime.dispose())
    const producer = await runtime.runPromise(Effect.gen(function* () {
      return yield* Commands
    }))
    const keys = await keysOf(db)
    const operatorKey = await createApiKey(db, {
      name: "operator",
      merchant: "",
      scopes: operatorScopes
    })
    const keyOf = (merchant: string) => keys.get(merchant)!
    const get = (path: string, key: string) =>
      fetch(lastro.edge.url + path, { headers: { authorization: `Bearer ${key}` } })
    const endpoints: Array<Endpoint> = []
    for (const [index, events] of wanted.entries()) {
      const receiver = await startReceiver()
      closes.push(receiver.stop)
      const merchant = merchants[index]!
      endpoints.push(await register(lastro, merchant, keyOf(merchant), events, receiver))
    }
    return {
      lastro,
      db,
      admin,
      producer,
      operatorKey,
      keyOf,
      endpoints,
      close,
      ask: async (path) => {
        const answer = await get(path, operatorKey)
        if (!answer.ok) throw new Error(`${path} answered ${answer.status}: ${await answer.text()}`)
        return await answer.json()
      },
      look: async (merchant, id) => {
        const answer = await get(`/v1/payments/${id}`, keyOf(merchant)).catch(() => undefined)
        const json = await answer?.json().catch(() => undefined)
        return answer?.ok === true ? json : undefined
      }
    }
  } catch (error) {
    await close()
    throw error
  }
}

const keysOf = async (db: Db): Promise<ReadonlyMap<string, string>> => {
  const keys = new Map<string, string>()
  for (const merchant of merchants) {
    const key: NewKey = { name: merchant, merchant, scopes: merchantScopes }
    keys.set(merchant, await createApiKey(db, key))
  }
  return keys
}

const register = async (
  lastro: Lastro,
  merchant: string,
  key: string,
  events: ReadonlyArray<string>,
  receiver: Receiver
): Promise<Endpoint> => {
  const answer = await fetch(`${lastro.edge.url}/v1/webhook-endpoints`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    body: JSON.stringify({ url: receiver.url, events })
  })
  const json = await answer.json()
  if (answer.status !== 201) throw new Error(`${merchant}'s endpoint: ${json.detail}`)
  receiver.trust(json.secret)
  return { id: json.id, merchant, events, receiver }
}
