import { Effect } from "effect"
import { append } from "../../bus/append.ts"
import type { NatsLink } from "../../bus/connection.ts"
import { paymentIdOf } from "../../domain/identifiers.ts"
import { sql } from "kysely"
import type { Db } from "../../store/database.ts"
import { type Move, moveOf } from "./moves.ts"

type CommandType = "create" | "capture" | "refund" | Move["type"]

export interface Command {
  readonly type: CommandType
  readonly merchant: string
  readonly id: string
  /** What it makes or is about: a payment, or what a move makes. */
  readonly about: string
  readonly body: Readonly<Record<string, unknown>>
}

interface Followed {
  readonly id: string
  readonly merchant: string
  readonly status: string
  readonly authorized: string
  readonly captured: string
}

interface LoadOptions {
  readonly link: NatsLink
  readonly edgeUrl: string
  /** Merchants with a key publish through the edge, the others through NATS. */
  readonly keys: ReadonlyMap<string, string>
  readonly merchants: ReadonlyArray<string>
  readonly db: Db
  /** Where the gateway's file of a day is, and who hands it in. */
  readonly gatewayUrl: string
  readonly operatorKey: string
}

/** Commands one producer sends before it looks at the next; several make one atomic batch. */
const BATCH_COMMANDS = 5
const EDGE_CONCURRENT = 4
const RETRY_MILLIS = 150
const FOLLOW_EVERY_MILLIS = 300
const FOLLOWED_MAX = 500
/** The gateway's file is handed in when it has so many lines: that is what wallets move from then on. */
const SETTLED_LINES = 60
/** Payments for each move between wallets, currencies and banks. */
const PAYMENTS_PER_MOVE = 4

const tokens = [
  "tok_approved",
  "tok_approved",
  "tok_duplicate_answer",
  "tok_declined_hard",
  "tok_approved"
] as const

const rest = (millis: number) => new Promise<void>((resolve) => setTimeout(resolve, millis))

/**
 * Producers and API callers that behave as they should: what was not acknowledged is sent again
 * under the same name until it is. What was acknowledged is remembered, for the promises.
 */
export class ChaosLoad {
  readonly acknowledged = new Map<string, Command>()
  /** Sends that failed or went unanswered: the same command went out again. */
  repeats = 0
  private readonly options: LoadOptions
  private readonly followed = new Set<string>()
  /** Payments with which a merchant may still have something to do. */
  private readonly watched = new Set<string>()
  private readonly loops: Array<Promise<void>> = []
  private next = 0
  private moves = 0
  private going = true

  constructor(options: LoadOptions) {
    this.options = options
  }

  /** Keeps about this many new payments a second coming until `stop`. */
  start(perSecond: number): void {
    const pause = (count: number) => rest((1_000 * count) / perSecond)
    const loop = async (step: () => Promise<unknown>) => {
      while (this.going) await step()
    }
    this.loops.push(
      loop(() => Promise.all([this.produce(BATCH_COMMANDS), pause(BATCH_COMMANDS * 1.6)])),
      loop(() => Promise.all([this.produce(1), pause(8)])),
      loop(() => Promise.all([this.request(EDGE_CONCURRENT), pause(EDGE_CONCURRENT * 4)])),
      loop(() => Promise.all([this.follow(), rest(FOLLOW_EVERY_MILLIS)])),
      loop(() => Promise.all([this.move(), pause(PAYMENTS_PER_MOVE)])),
      this.settle()
    )
  }

  /** Every command that was begun is acknowledged when this resolves. */
  async stop(): Promise<void> {
    this.going = false
    await Promise.all(this.loops)
    // Captures and refunds of what was paid meanwhile.
    await this.follow()
  }

  get payments(): number {
    return [...this.acknowledged.values()].filter(({ type }) => type === "create").length
  }

  private create(merchants: ReadonlyArray<string>): Command {
    const index = this.next++
    const merchant = merchants[index % merchants.length]!
    const id = `order-${index}`
    return {
      type: "create",
      merchant,
      id,
      about: paymentIdOf(merchant, id),
      body: {
        amount: 1_000 + ((index * 7_919) % 90_000),
        currency: index % 7 === 0 ? "USD" : "BRL",
        capture: index % 3 === 0 ? "manual" : "automatic",
        payment_method: { type: "card", token: tokens[index % tokens.length] },
        customer: { id: `cus_${index % 5_000}`, email: `c${index}@example.com` },
        reference: id,
        ...(index % 4 === 0 && {
          splits: [{ recipient: "seller_a", share: "0.70" }, {
            recipient: "seller_b",
            share: "0.20"
          }]
        })
      }
    }
  }

  private produce(count: number): Promise<void> {
    const { keys, merchants } = this.options
    const direct = merchants.filter((merchant) => !keys.has(merchant))
    const commands = Array.from({ length: count }, () => this.create(direct))
    // Its payment cannot be captured yet, so this is refused; were it taken before the command that
    // it follows, the reason would be another one.
    const first = commands[0]!
    if (count > 1) commands.push(this.hasty(first))
    return this.publish(commands)
  }

  private hasty(after: Command): Command {
    const id = `${after.id}-hasty`
    return { ...after, type: "capture", id, body: { payment_id: after.about } }
  }

  private async publish(commands: ReadonlyArray<Command>): Promise<void> {
    const messages = commands.map(({ body, id, merchant, type }) => ({
      subject: `lastro.payments.${type}.${merchant}`,
      headers: [],
      payload: JSON.stringify({ ...body, command_id: id })
    }))
    for (;;) {
      const sent = await Effect.runPromise(Effect.result(append(this.options.link.nc, messages)))
      if (sent._tag === "Success") return this.remember(commands)
      this.repeats++
      await rest(RETRY_MILLIS)
    }
  }

  private async request(count: number): Promise<void> {
    const merchants = [...this.options.keys.keys()]
    await Promise.all(
      Array.from(
        { length: count },
        (_, index) => this.post(this.create(merchants), "/v1/payments", index === 0)
      )
    )
  }

  private async post(command: Command, path: string, waiting = false): Promise<void> {
    for (;;) {
      const status = await fetch(this.options.edgeUrl + path, {
        method: "POST",
        headers: {
          authorization: `Bearer ${this.options.keys.get(command.merchant)}`,
          "content-type": "application/json",
          "idempotency-key": command.id,
          ...(waiting && { prefer: "wait=1" })
        },
        body: JSON.stringify(command.body)
      }).then(
        async (answer) => {
          await answer.arrayBuffer()
          return answer.status
        },
        () => 0
      )
      // A refusal (409) is an answer, too: the command was taken and decided.
      if (status === 201 || status === 202 || status === 409) return this.remember([command])
      if (status !== 0 && status !== 503) {
        throw new Error(`${path} answered ${status}`)
      }
      this.repeats++
      await rest(RETRY_MILLIS)
    }
  }

  /** Most are refused until money was settled. */
  private move(): Promise<void> {
    const { keys, merchants } = this.options
    const { body, id, makes, merchant, path, type } = moveOf(this.moves++, merchants)
    const command: Command = { type, merchant, id, about: makes, body }
    return keys.has(merchant) ? this.post(command, path) : this.publish([command])
  }

  /** Hands in what the gateway has settled so far, until it is taken. */
  private async settle(): Promise<void> {
    const { edgeUrl, gatewayUrl, operatorKey } = this.options
    const day = new Date().toISOString().slice(0, 10)
    let file = ""
    while (this.going && file.split("\n").length <= SETTLED_LINES) {
      await rest(FOLLOW_EVERY_MILLIS)
      file = await (await fetch(`${gatewayUrl}/settlement-files/${day}`)).text()
    }
    for (;;) {
      const status = await fetch(
        `${edgeUrl}/v1/settlement-files?source=simulator&date=${day}`,
        {
          method: "POST",
          headers: { authorization: `Bearer ${operatorKey}`, "content-type": "text/csv" },
          body: file
        }
      ).then((answer) => answer.arrayBuffer().then(() => answer.status), () => 0)
      if (status === 202) return
      if (status !== 0 && status !== 503) throw new Error(`the file was answered with ${status}`)
      await rest(RETRY_MILLIS)
    }
  }

  private remember(commands: ReadonlyArray<Command>): void {
    for (const command of commands) {
      if (command.type === "create") this.watched.add(command.about)
      this.acknowledged.set(`${command.merchant} ${command.type} ${command.id}`, command)
    }
  }

  /** Captures what was authorized, in two parts, and refunds a third of what was captured. */
  private async follow(): Promise<void> {
    const ids = [...this.watched].slice(0, FOLLOWED_MAX)
    // Whoever was not ready comes again after the others.
    for (const id of ids) {
      this.watched.delete(id)
      this.watched.add(id)
    }
    const found = await sql<Followed>`
      select id, merchant, status, doc->>'amount_authorized' as authorized,
        doc->>'amount_captured' as captured
      from payments where id = any(${ids})`
      .execute(this.options.db).then(({ rows }) => rows, () => [])
    await Promise.all(
      found.flatMap((payment) => this.stepsOf(payment)).map((one) => this.send(one))
    )
  }

  /** What a merchant does next with a payment that stands so. */
  private stepsOf(
    { authorized, captured, id, merchant, status }: Followed
  ): ReadonlyArray<Command> {
    const command = (type: CommandType, amount?: number): Command => ({
      type,
      merchant,
      id: `${id.slice(4, 16)}-${status}`,
      about: id,
      body: amount === undefined ? {} : { amount }
    })
    const name = `${id} ${status}`
    const again = this.followed.has(name)
    switch (status) {
      case "authorized":
        this.followed.add(name)
        return again ? [] : [command("capture", Math.ceil(Number(authorized) / 2))]
      case "partially_captured":
        this.followed.add(name)
        return again ? [] : [command("capture")]
      case "captured":
        this.watched.delete(id)
        return Number(captured) % 3 === 0
          ? [command("refund", Math.ceil(Number(captured) / 4))]
          : []
      case "failed":
      case "rejected":
        this.watched.delete(id)
        return []
      default:
        return []
    }
  }

  private send(command: Command): Promise<void> {
    if (!this.options.keys.has(command.merchant)) {
      return this.publish([{
        ...command,
        body: { ...command.body, payment_id: command.about }
      }])
    }
    const action = command.type === "capture" ? "capture" : "refunds"
    return this.post(command, `/v1/payments/${command.about}/${action}`)
  }
}
