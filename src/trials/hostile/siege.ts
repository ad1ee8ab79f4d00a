import { PARTITIONS } from "../../../streams/mailboxes.ts"
import { Effect, Layer, ManagedRuntime } from "effect"
import { Commands } from "../../bus/commands.ts"
import { Nats } from "../../bus/connection.ts"
import { connect, type Db } from "../../store/database.ts"
import { charged, openCount } from "../../store/outcomes.ts"
import type { Lastro } from "../../house/lastro.ts"
import { booksAgree, type Deeds, reportOf, type SiegeReport } from "./report.ts"

interface SiegeSettings {
  readonly payments: number
  readonly seed: number
  /** Payments a second. */
  readonly rate: number
}

const MERCHANTS = 64
/** Of all orders one is only authorized, and of all captured payments one is refunded, one disputed. */
const MANUAL_EVERY = 11
const REFUND_EVERY = 9
const DISPUTE_EVERY = 23
const LOOK_MILLIS = 500
const CALM_LOOKS = 6
/** Without any change for so long it is stuck, and the report says so. */
const STALLED_MILLIS = 120_000

const rest = (millis: number) => new Promise((resolve) => setTimeout(resolve, millis))

/** Payments against a gateway that is slow, silent, late and untruthful; then both books are compared. */
export const besiege = async (
  lastro: Lastro,
  { payments, rate, seed }: SiegeSettings,
  tell: (line: string) => void
): Promise<SiegeReport> => {
  const begun = Date.now()
  const { databaseUrl, nats, natsUrls } = lastro.stack
  const runtime = ManagedRuntime.make(
    Commands.layerOf(PARTITIONS).pipe(
      Layer.provide(Nats.layerOf({ urls: natsUrls, ...nats.producer, name: "lastro-hostile" }))
    )
  )
  const db = connect(databaseUrl, 2)
  try {
    const commands = await runtime.runPromise(Effect.gen(function* () {
      return yield* Commands
    }))
    const send = (type: string, merchant: string, body: object) =>
      Effect.runPromise(
        commands.publish({ family: "payments", type, merchant, body: JSON.stringify(body) })
          .pipe(Effect.retry({ times: 50 }))
      )
    const simulator = (body: object) =>
      fetch(`${lastro.simulator.url}/control`, { method: "POST", body: JSON.stringify(body) })
        .then((answer) => answer.json() as Promise<{ late: number }>)
    await simulator({ hostile: { seed } })
    for (let index = 0; index < payments; index++) {
      const early = begun + (1_000 * index) / rate - Date.now()
      if (early > 5) await rest(early)
      await send("create", merchantOf(index), orderOf(seed, index))
    }
    tell(`${payments} payments sent`)
    await untilSettled(db, payments, tell)
    const deeds = await follow(lastro, db, send)
    tell(JSON.stringify(deeds))
    await untilSettled(db, payments, tell)
    await decide(lastro, seed)
    const turned = await turn(lastro, db)
    tell(JSON.stringify({ turned }))
    // What is late is done only now; then everything has been told.
    while ((await simulator({})).late > 0) await rest(LOOK_MILLIS)
    await untilSettled(db, payments, tell)
    await untilCalm(lastro, db)
    await simulator({ hostile: null })
    return await reportOf(db, lastro.simulator.url, payments, { ...deeds, turned }, begun)
  } finally {
    await runtime.dispose()
    await db.destroy()
  }
}

type Send = (type: string, merchant: string, body: object) => Promise<unknown>

/** What merchants and payers do with payments that were made. */
const follow = async (
  { simulator }: Lastro,
  db: Db,
  send: Send
): Promise<Omit<Deeds, "turned">> => {
  const authorized = await charged(db, "authorized")
  for (const [nth, { id, merchant }] of authorized.entries()) {
    const type = nth % 2 === 0 ? "capture" : "void"
    await send(type, merchant, {
      command_id: `${type}-${id}`,
      payment_id: id,
      // Half of the captures leave something, which goes back.
      ...(nth % 4 === 0 && { amount: 500, final: true })
    })
  }
  const captured = await charged(db, "captured")
  const refunded = captured.filter((_, nth) => nth % REFUND_EVERY === 0)
  for (const { id, merchant } of refunded) {
    await send("refund", merchant, { command_id: `refund-${id}`, payment_id: id })
  }
  // Some of them are refunded at the same time: then we lose what no leg can give.
  const disputed = captured.filter((_, nth) => nth % DISPUTE_EVERY === 0)
  for (const [nth, { charge_id }] of disputed.entries()) {
    const complaint = nth % 3 === 0 ? { amount: 700 } : {}
    await post(`${simulator.url}/charges/${charge_id}/disputes`, complaint)
  }
  const captures = Math.ceil(authorized.length / 2)
  const voids = authorized.length - captures
  return { captures, voids, refunds: refunded.length, disputes: disputed.length }
}

/** What the gateway says of one operation after its first word; nothing: somebody refunds a part there. */
const LATER_WORDS = [
  ["declined"],
  ["declined", "approved"],
  [],
  ["declined", "approved", "declined"]
] as const
const TURN_EVERY = 7
const REFUNDED_THERE = 100

/** The gateway thinks better of what it said of some operations, and is acted upon without us. */
const turn = async ({ simulator: { url } }: Lastro, db: Db): Promise<number> => {
  const captured = (await charged(db, "captured")).filter((_, nth) => nth % TURN_EVERY === 0)
  for (const [nth, { charge_id, id }] of captured.entries()) {
    const made = (await (await fetch(`${url}/book/${id}`)).json() as ReadonlyArray<Made>)
      .filter(({ kind, status }) => status === "approved" && kind !== "evidence")
    const words = LATER_WORDS[nth % LATER_WORDS.length]!
    const isWhole = made.every(({ kind }) => kind !== "refund")
    if (words.length === 0 && isWhole) {
      await post(`${url}/dashboard/refunds`, { charge_id, amount: REFUNDED_THERE })
    }
    for (const status of words) {
      await post(`${url}/dashboard/operations`, { key: made.at(-1)!.key, status })
    }
  }
  return captured.length
}

interface Made {
  readonly key: string
  readonly kind: string
  readonly status: string
}

/** Banks decide the disputes, each as its number says. */
const decide = async ({ simulator }: Lastro, seed: number): Promise<void> => {
  const open = await (await fetch(`${simulator.url}/disputes`)).json() as ReadonlyArray<string>
  for (const [nth, id] of open.entries()) {
    const status = (nth + seed) % 2 === 0 ? "won" : "lost"
    if (nth % 4 === 0) await post(`${simulator.url}/disputes/${id}`, { status: "under_review" })
    await post(`${simulator.url}/disputes/${id}`, { status })
  }
}

const post = async (url: string, body: object): Promise<void> => {
  const answer = await fetch(url, { method: "POST", body: JSON.stringify(body) })
  await answer.body?.cancel()
  if (!answer.ok) throw new Error(`${url} answered ${answer.status}`)
}

const merchantOf = (index: number): string => `shop-${index % MERCHANTS}`

const orderOf = (seed: number, index: number) => ({
  command_id: `siege-${seed}-${index}`,
  amount: 1_000 + ((index * 7_919) % 90_000),
  currency: index % 5 === 0 ? "USD" : "BRL",
  ...(index % MANUAL_EVERY === 5 && { capture: "manual" }),
  payment_method: { type: "card", token: index % 12 === 0 ? "tok_declined_hard" : "tok_approved" },
  customer: { id: `cus_${seed}_${index}` }
})

const untilSettled = async (db: Db, payments: number, tell: (line: string) => void) => {
  let last = ""
  let since = Date.now()
  for (;;) {
    const { known, open } = await openCount(db)
    if (known === payments && open === 0) return
    const now = `${known} known, ${open} open`
    if (now !== last) {
      last = now
      since = Date.now()
      tell(now)
    }
    if (Date.now() - since > STALLED_MILLIS) return
    await rest(LOOK_MILLIS)
  }
}

/**
 * News of the last late charge may still be on its way through the mailboxes, and open what was settled
 * once more: only what stays so for a while is at rest.
 */
const untilCalm = async ({ simulator }: Lastro, db: Db) => {
  const deadline = Date.now() + STALLED_MILLIS
  let calm = 0
  while (calm < CALM_LOOKS && Date.now() < deadline) {
    await rest(LOOK_MILLIS)
    const { open } = await openCount(db)
    calm = open === 0 && await booksAgree(db, simulator.url) ? calm + 1 : 0
  }
}
