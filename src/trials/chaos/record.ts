import { randomBytes } from "node:crypto"
import { Effect } from "effect"
import { mailboxes } from "../../../streams/mailboxes.ts"
import { request } from "../../bus/api.ts"
import type { NatsLink } from "../../bus/connection.ts"
import { streamFacts } from "../../bus/tail.ts"
import { eventBody } from "../../runtime/eventBody.ts"
import { DEAD_LETTERS_STREAM, EVENTS_STREAM } from "../../runtime/outbox.ts"
import { query } from "../query.ts"

export interface Stored {
  readonly seq: number
  readonly subject: string
  readonly atMillis: number
  readonly headers: Readonly<Record<string, string>>
  readonly data: Uint8Array
}

export interface TurnRecord {
  readonly family: string
  readonly partition: number
  readonly first_seq: number
  readonly last_seq: number
  readonly messages: number
  readonly outbox: string | null
  /** Revision of the lease under which it was committed. */
  readonly epoch: number
  readonly committedMillis: number
}

interface PaymentDoc {
  readonly id: string
  readonly merchant: string
  readonly status: string
  readonly amount_captured: string
  readonly amount_refunded: string
  readonly attempts: ReadonlyArray<{ key: string; operation: string; status: string }>
  readonly commands: ReadonlyArray<{ id: string; type: string }>
  readonly contradictions: ReadonlyArray<string>
}

export interface StateDoc {
  readonly _tag?: string
  readonly id: string
  readonly merchant: string
  readonly status?: string
  readonly currency?: string
  readonly recipient?: string
  readonly amount?: string
  readonly available?: string
  readonly direction?: string
  /** Of what has left a payment's document. */
  readonly command?: { readonly id: string; readonly type: string }
}

/** Tables of documents by merchant and key. */
const STATE_TABLES = [
  "payments",
  "payment_past",
  "balances",
  "payouts",
  "transfers",
  "fx_quotes",
  "fx_conversions",
  "merchants",
  "refused_commands"
]

interface PostingRecord {
  readonly entry_id: string
  readonly payment_id: string
  readonly partition: number
  readonly seq: number
  readonly position: number
  readonly layer: "posted" | "pending"
  readonly debit_account: string
  readonly credit_account: string
  readonly amount: bigint
  readonly currency: string
}

export interface AccountRecord {
  readonly path: string
  readonly currency: string
  readonly posted_debits: bigint
  readonly posted_credits: bigint
  readonly pending_debits: bigint
  readonly pending_credits: bigint
  readonly version: number
}

interface CursorRecord {
  readonly family: string
  readonly partition: number
  readonly seq: number
  readonly digest: string
}

interface Refused {
  readonly merchant: string
  readonly command: string
  readonly command_id: string
  readonly code: string
}

/** Everything there is to know after the work is done: streams and tables as they stand. */
export interface ChaosRecord {
  readonly streams: ReadonlyMap<string, ReadonlyArray<Stored>>
  readonly turns: ReadonlyArray<TurnRecord>
  /** Bodies of all events, by their identifiers. */
  readonly events: ReadonlyMap<string, string>
  readonly cursors: ReadonlyArray<CursorRecord>
  readonly payments: ReadonlyArray<PaymentDoc>
  /** Everything that the payments keep by key, under `merchant/key`. */
  readonly states: ReadonlyMap<string, StateDoc>
  readonly postings: ReadonlyArray<PostingRecord>
  readonly accounts: ReadonlyArray<AccountRecord>
  readonly refused: ReadonlyArray<Refused>
  readonly parked: number
  readonly deadLetters: number
}

const numbers = <Row>(rows: ReadonlyArray<Row>, ...names: ReadonlyArray<keyof Row>) =>
  rows.map((row) => ({
    ...row,
    ...Object.fromEntries(names.map((name) => [name, Number(row[name])]))
  }))

export const readRecord = async (link: NatsLink, url: string): Promise<ChaosRecord> => {
  const streams = new Map<string, ReadonlyArray<Stored>>()
  const names = [...mailboxes.map(({ stream }) => stream), EVENTS_STREAM, DEAD_LETTERS_STREAM]
  for (const stream of names) streams.set(stream, await readStream(link, stream))
  const turns = await query(
    url,
    `select family, partition, first_seq, last_seq, messages, outbox, epoch_revision as epoch,
       extract(epoch from committed_at) * 1000 as "committedMillis"
     from turns order by family, partition, last_seq`
  )
  const postings = await query(
    url,
    `select p.entry_id, e.payment_id, e.partition, e.seq, p.position, p.layer, p.debit_account,
       p.credit_account, p.amount, p.currency
     from postings p join journal_entries e on e.id = p.entry_id order by p.position`
  )
  const accounts = await query(url, "select * from accounts")
  const [counts] = await query(
    url,
    `select (select count(*) from parked_keys)::int as parked,
       (select count(*) from dead_letters)::int as dead`
  )
  return {
    streams,
    turns: numbers(turns, "first_seq", "last_seq", "epoch", "committedMillis") as Array<TurnRecord>,
    events: await readEvents(url),
    cursors: numbers(
      await query(
        url,
        "select family, partition, seq, encode(digest, 'hex') as digest from cursors"
      ),
      "seq"
    ) as Array<CursorRecord>,
    payments: (await query(url, "select doc from payments")).map(({ doc }) => doc),
    states: new Map(
      (await query(
        url,
        STATE_TABLES.map((table) => `select merchant, id, doc from ${table}`).join(" union all ")
      )).map(({ doc, id, merchant }) => [`${merchant}/${id}`, doc])
    ),
    postings: numbers(postings, "seq", "position").map((row) => ({
      ...row,
      amount: BigInt(row.amount)
    })) as Array<PostingRecord>,
    accounts: accounts.map((row) => ({
      path: row.path,
      currency: row.currency,
      posted_debits: BigInt(row.posted_debits),
      posted_credits: BigInt(row.posted_credits),
      pending_debits: BigInt(row.pending_debits),
      pending_credits: BigInt(row.pending_credits),
      version: Number(row.version)
    })),
    refused: (await query(
      url,
      `select merchant, body->>'command' as command, body->>'command_id' as command_id,
         body->>'code' as code
       from events where type = 'payments.command_refused'`
    )) as Array<Refused>,
    parked: counts.parked,
    deadLetters: counts.dead
  }
}

const readEvents = async (url: string): Promise<ReadonlyMap<string, string>> => {
  const rows = await query(
    url,
    "select merchant, id, type, about, at_millis as at, body::text as json from events"
  )
  return new Map(
    rows.map(({ about, at, id, json, merchant, type }) => [
      id,
      eventBody({ id, type, about, merchant, atMillis: Number(at), json })
    ])
  )
}

/** Messages asked for at once: a stream pushed as a whole would be too much for a connection. */
const PULL_MESSAGES = 1_000
const PULL_MILLIS = 2_000
const AGAIN_MILLIS = 100
const REFUSED_MAX = 60

/** A whole stream in its order, through a consumer that lasts as long as the reading. */
export const readStream = async (
  { inboxPrefix, nc }: NatsLink,
  stream: string
): Promise<ReadonlyArray<Stored>> => {
  const { firstSeq, lastSeq } = await Effect.runPromise(streamFacts(nc, stream))
  if (lastSeq === 0 || lastSeq < firstSeq) return []
  const { name } = await Effect.runPromise(
    request<{ name: string }>(nc, `CONSUMER.CREATE.${stream}`, {
      stream_name: stream,
      config: {
        deliver_policy: "all",
        ack_policy: "none",
        mem_storage: true,
        num_replicas: 1,
        inactive_threshold: 60_000_000_000
      }
    })
  )
  const inbox = `${inboxPrefix}.${randomBytes(8).toString("hex")}`
  const found: Array<Stored> = []
  await new Promise<void>((resolve, reject) => {
    let left = 0
    let refused = 0
    const pull = () => {
      left = PULL_MESSAGES
      nc.publish(
        `$JS.API.CONSUMER.MSG.NEXT.${stream}.${name}`,
        JSON.stringify({ batch: PULL_MESSAGES, expires: PULL_MILLIS * 1_000_000 }),
        { reply: inbox }
      )
    }
    const subscription = nc.subscribe(inbox, {
      callback: (error, message) => {
        if (error !== null) return reject(error)
        const status = message.headers?.code ?? 0
        if (status !== 0) {
          // A server that does not know of the consumer yet, or a replica that is still behind.
          if (++refused > REFUSED_MAX) return reject(new Error(`${stream} is not read: ${status}`))
          setTimeout(pull, AGAIN_MILLIS)
          return
        }
        found.push(storedOf(message))
        if (found.at(-1)!.seq < lastSeq) {
          if (--left === 0) pull()
          return
        }
        subscription.unsubscribe()
        resolve()
      }
    })
    pull()
  })
  return found
}

const storedOf = (message: {
  readonly subject: string
  readonly reply?: string
  readonly data: Uint8Array
  readonly headers?: { readonly keys: () => Array<string>; readonly get: (name: string) => string }
}): Stored => {
  const tokens = message.reply!.split(".")
  const headers: Record<string, string> = {}
  for (const name of message.headers?.keys() ?? []) headers[name] = message.headers!.get(name)
  return {
    seq: Number(tokens.at(-4)),
    subject: message.subject,
    atMillis: Number(tokens.at(-2)!.slice(0, -6)),
    headers,
    data: message.data
  }
}
