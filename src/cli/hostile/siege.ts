import { PARTITIONS } from "../../../streams/mailboxes.ts"
import { Effect, Layer, ManagedRuntime } from "effect"
import { Commands } from "../../bus/commands.ts"
import { Nats } from "../../bus/connection.ts"
import { connect, type Db } from "../../store/database.ts"
import { balances, captured, openCount, outcomes } from "../../store/outcomes.ts"
import type { Lastro } from "../lastro.ts"

export interface SiegeSettings {
  readonly payments: number
  readonly seed: number
  /** Payments a second. */
  readonly rate: number
}

export interface SiegeReport {
  readonly payments: number
  readonly statuses: Readonly<Record<string, number>>
  readonly refunds: number
  /** Payments, refunds and captures whose outcome is still open. */
  readonly stuck: number
  readonly charged_twice: ReadonlyArray<string>
  /** What the gateway owes by its own book and by our ledger, minor units by currency. */
  readonly gateway: Readonly<Record<string, string>>
  readonly ledger: Readonly<Record<string, string>>
  /** Money in suspense, each contradiction listed as a break. */
  readonly suspense: Readonly<Record<string, string>>
  readonly contradictions: number
  readonly breaks: number
  readonly seconds: number
  readonly ok: boolean
}

const MERCHANTS = 64
const REFUND_EVERY = 9
const LOOK_MILLIS = 500
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
    const refundable = await captured(db)
    const refunded = refundable.filter((_, index) => index % REFUND_EVERY === 0)
    for (const { id, merchant } of refunded) {
      await send("refund", merchant, { command_id: `refund-${id}`, payment_id: id })
    }
    tell(`${refunded.length} refunds sent`)
    // What is late is done only now; then everything has been told.
    while ((await simulator({})).late > 0) await rest(LOOK_MILLIS)
    await untilSettled(db, payments, tell)
    await untilAgreed(lastro, db)
    await simulator({ hostile: null })
    return await report(lastro, db, payments, refunded.length, begun)
  } finally {
    await runtime.dispose()
    await db.destroy()
  }
}

const merchantOf = (index: number): string => `shop-${index % MERCHANTS}`

const orderOf = (seed: number, index: number) => ({
  command_id: `siege-${seed}-${index}`,
  amount: 1_000 + ((index * 7_919) % 90_000),
  currency: index % 5 === 0 ? "USD" : "BRL",
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

interface GatewayBook {
  readonly charged_twice: ReadonlyArray<string>
  readonly totals: ReadonlyArray<{ currency: string; captured: number; refunded: number }>
}

const bookOf = async ({ simulator }: Lastro): Promise<GatewayBook> =>
  (await fetch(`${simulator.url}/book`)).json()

const owed = ({ totals }: GatewayBook): Readonly<Record<string, string>> =>
  Object.fromEntries(
    totals.map(({ captured, currency, refunded }) => [currency, String(captured - refunded)])
  )

const same = (left: object, right: object) => JSON.stringify(left) === JSON.stringify(right)

const RECEIVABLE = "assets:gateway:simulator:receivable:"

/** News of the last late charge may still be on its way through the mailboxes. */
const untilAgreed = async (lastro: Lastro, db: Db) => {
  const deadline = Date.now() + STALLED_MILLIS / 2
  while (Date.now() < deadline) {
    if (same(owed(await bookOf(lastro)), await balances(db, RECEIVABLE))) return
    await rest(LOOK_MILLIS)
  }
}

const report = async (
  lastro: Lastro,
  db: Db,
  payments: number,
  refunds: number,
  begun: number
): Promise<SiegeReport> => {
  const book = await bookOf(lastro)
  const { known, open } = await openCount(db)
  const { breaks, contradictions, statuses } = await outcomes(db)
  const gateway = owed(book)
  const ledger = await balances(db, RECEIVABLE)
  const stuck = open + payments - known
  return {
    payments: known,
    statuses,
    refunds,
    stuck,
    charged_twice: book.charged_twice,
    gateway,
    ledger,
    suspense: await balances(db, "liabilities:suspense:simulator:"),
    contradictions,
    breaks,
    seconds: (Date.now() - begun) / 1_000,
    ok: stuck === 0 && book.charged_twice.length === 0 && same(gateway, ledger) &&
      contradictions === breaks
  }
}
