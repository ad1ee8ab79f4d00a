import { Effect } from "effect"
import { fraud } from "../../actors/fraud/actor.ts"
import { gateway } from "../../actors/gateway/actor.ts"
import { type Answer, type Gateway, GatewayUnclear } from "../../actors/gateway/port.ts"
import { reconciliation } from "../../actors/reconciliation/actor.ts"
import { payments } from "../../actors/payments/actor.ts"
import type { Payment } from "../../actors/payments/payment/state.ts"
import type { State } from "../../actors/payments/state.ts"
import type { Row } from "../../actors/payments/decision.ts"
import type { JournalEntry } from "../../src/ledger/journal.ts"
import type { TurnWrites } from "../../src/runtime/actor.ts"
import type { AnyActor, AnyKeyed } from "../../src/runtime/registry.ts"
import type { Outcome } from "../../streams/messages/gateway.ts"
import { routesOf } from "../../streams/events.ts"
import { textOf } from "./model/message.ts"
import { asStatements, type Store } from "./model/store.ts"
import { streamsFor } from "./topology.ts"
import { type House, type Keeper, streamOf, type World } from "./world.ts"

const PARTITIONS = 2
/** Mailboxes that events are routed to, of families that nobody runs here. */
const READERLESS = ["messaging"]

/** A gateway that honours its keys: what it did for an attempt it did once. */
const attemptsAt = new WeakMap<Store, Map<string, Outcome>>()

export const attemptsOf = (store: Store): Map<string, Outcome> => {
  const known = attemptsAt.get(store) ?? new Map<string, Outcome>()
  attemptsAt.set(store, known)
  return known
}

/** Approves most, declines some; now and then its answer or the call itself is lost. */
export const modelGateway = ({ chance, store }: Keeper): Gateway => {
  const attempts = attemptsOf(store)
  return {
    name: "simulator",
    // Longer than any worker is stopped here: what is sent after that would be found by nobody.
    finalityMillis: 30_000,
    perform: Effect.fnUntraced(function* ({ amount, attempt, capture }) {
      yield* Effect.sleep(chance.between(1, 300))
      if (chance.happens(0.05)) return yield* new GatewayUnclear({ detail: "never arrived" })
      const outcome = attempts.get(attempt) ??
        (chance.happens(0.85)
          ? { _tag: "Approved", charge_id: `ch_${attempt}`, captured: capture === true, amount }
          : { _tag: "Declined", code: "declined", detail: "no", soft: false })
      attempts.set(attempt, outcome as Outcome)
      yield* Effect.sleep(chance.between(1, 300))
      if (chance.happens(0.1)) return yield* new GatewayUnclear({ detail: "no answer" })
      return { outcome, times: chance.happens(0.1) ? 2 : 1 } as Answer
    }),
    inquire: ({ attempt }) => Effect.map(Effect.sleep(20), () => attempts.get(attempt))
  }
}

/** An actor of Lastro, its tables replaced by the model's. */
export const kept = (actor: AnyKeyed, { ask, store }: Keeper): AnyActor => {
  const { overdue, ...rest } = actor
  return {
    ...rest,
    ...(overdue !== undefined && {
      overdue: (partition: number, before: number) =>
        Effect.sync(() => overdueWakes(store, actor.family, partition, before))
    }),
    load: (keys) => ask("load", () => store.load(actor.family, keys)),
    save: (writes: TurnWrites<unknown, unknown>) => asStatements({ family: actor.family, writes })
  }
}

/** The last word about each timer counts: a lost one is found in the rows. */
const overdueWakes = (store: Store, family: string, partition: number, before: number) => {
  const waits = new Map<string, { merchant: string; row: Extract<Row, { _tag: "Wake" }> }>()
  for (const { merchant, partition: theirs, row } of store.rows.get(family) ?? []) {
    const one = row as Row
    if (theirs === partition && one._tag === "Wake") waits.set(one.timer, { merchant, row: one })
  }
  return [...waits.values()].flatMap(({ merchant, row: { dueMillis, paymentId, timer } }) =>
    dueMillis !== undefined && dueMillis < before
      ? [{
        id: timer,
        merchant,
        atMillis: dueMillis,
        type: "wake",
        body: { payment_id: paymentId, timer, due: dueMillis }
      }]
      : []
  )
}

const keyed = [payments, fraud, reconciliation] as unknown as ReadonlyArray<AnyKeyed>

const MERCHANTS = ["acme", "globex", "initech", "umbrella"]

const command: House["command"] = (chance, nth) => ({
  family: "payments",
  type: "create",
  merchant: chance.oneOf(MERCHANTS),
  body: {
    // Some are sent again, as after a lost acknowledgement.
    command_id: `cmd-${chance.happens(0.2) ? chance.below(nth + 1) : nth}`,
    amount: 1_000,
    currency: "BRL",
    capture: "automatic",
    payment_method: { type: "card", token: "tok_approved" },
    customer: { id: `cus_${chance.below(3)}` }
  }
})

const paymentsOf = ({ store }: World): ReadonlyMap<string, Payment> =>
  new Map(
    [...store.states.get("payments") ?? []].flatMap(([id, { state }]) => {
      const one = state as State
      return "legs" in one ? [[id, one satisfies Payment] as const] : []
    })
  )

export const entriesOf = ({ store }: World): ReadonlyArray<JournalEntry> =>
  (store.rows.get("payments") ?? []).flatMap(({ row }) => {
    const one = row as Row
    return one._tag === "Entry" ? [one.entry] : []
  })

const SETTLED: ReadonlySet<string> = new Set(["captured", "failed", "rejected", "in_review"])

/** Every command makes one payment, which is charged once at most and booked as the gateway has it. */
const broken = (world: World): ReadonlyArray<string> => {
  const commands = new Set<string>()
  for (const { data, subject } of world.broker.stream(streamOf("payments")).all("*.*.ingress.>")) {
    commands.add(`${subject.split(".")[4]} ${JSON.parse(textOf(data)).command_id}`)
  }
  const all = paymentsOf(world)
  const found = all.size === commands.size
    ? []
    : [`${all.size} payments of ${commands.size} commands`]
  const entries = entriesOf(world)
  const ids = new Set(entries.map(({ id }) => id))
  if (ids.size !== entries.length) found.push("an entry is booked twice")
  const attempts = attemptsOf(world.store)
  for (const [id, payment] of all) {
    const taken = payment.attempts.filter(({ key }) => attempts.get(key)?._tag === "Approved")
    const captures = entries.filter(({ kind, paymentId }) =>
      kind === "capture" && paymentId === payment.id
    )
    const wanted = payment.status === "captured" ? 1 : 0
    if (taken.length !== wanted || captures.length !== wanted) {
      found.push(`${id} is ${payment.status}: ${taken.length} taken, ${captures.length} booked`)
    }
  }
  return found
}

/** Payments, those that are decided with them, and the gateway's caller as Lastro runs them: the machine's depth. */
export const shop: House = {
  keyed,
  together: true,
  outbound: ["gateway"],
  partitions: PARTITIONS,
  streams: streamsFor({ keyed, together: true }, ["gateway", ...READERLESS]),
  routesOf,
  actors: (keeper) => [
    ...keyed.map((actor) => kept(actor, keeper)),
    gateway([modelGateway(keeper)]) as unknown as AnyActor
  ],
  commandsMax: 14,
  // Calls of a killed worker are repeated after half a minute; an unknown one is asked about for minutes.
  settlesMillis: 400_000,
  command,
  isQuiet: (world) => [...paymentsOf(world).values()].every(({ status }) => SETTLED.has(status)),
  broken
}

/** The same with a mailbox for each family: what is told goes out of the turn. */
export const separateShop: House = {
  ...shop,
  together: false,
  streams: streamsFor({ keyed }, ["gateway", ...READERLESS])
}
