import { Effect } from "effect"
import type { Answered } from "../../../streams/messages/gateway.ts"
import { request } from "../../bus/api.ts"
import type { NatsLink } from "../../bus/connection.ts"
import { openSharedReader } from "../../bus/sharedReader.ts"
import { streamFacts } from "../../bus/tail.ts"
import { paymentIdOf } from "../../domain/identifiers.ts"
import { type Letter, lettersOf, type Origin } from "../../runtime/letter.ts"

/** A message of the payments mailbox that concerns a payment, as JetStream stores it. */
export interface MailboxMessage {
  readonly seq: number
  /** Its place in a bundle. */
  readonly part: number
  readonly partition: number
  readonly origin: Origin
  readonly type: string
  readonly merchant: string
  readonly paymentId: string
  /** Commands only. */
  readonly commandId: string | undefined
  /** Answers of the gateway only. */
  readonly attempt: string | undefined
  readonly outcome: (typeof Answered.Type)["outcome"]["_tag"] | undefined
  /** What was settled, and which dispute it is about. */
  readonly settlement: string | undefined
  readonly disputeId: string | undefined
}

const STREAM = "PAYMENTS"
const BATCH = 1_000
/** After it what was read is what there is: the checks then say what is missing. */
const READ_MILLIS = 60_000

const text = new TextDecoder()

/** Reads the whole mailbox from its first message, with a consumer that is no worker's. */
export const readMailbox = async (link: NatsLink): Promise<ReadonlyArray<MailboxMessage>> => {
  const { lastSeq } = await Effect.runPromise(streamFacts(link.nc, STREAM))
  const consumer = `demo-${process.pid}`
  const messages: Array<MailboxMessage> = []
  let ended = () => {}
  const all = new Promise<void>((resolve) => {
    ended = resolve
  })
  const reader: { close: () => void } = await Effect.runPromise(openSharedReader(link, {
    stream: STREAM,
    consumer,
    filter: "payments.>",
    inFlightMax: BATCH,
    capacity: () => BATCH,
    onDelivery: (delivery) => {
      delivery.acknowledge()
      messages.push(...lettersOf(delivery).map(messageOf).filter((one) => one !== undefined))
      if (delivery.seq >= lastSeq) ended()
    }
  }))
  const late = setTimeout(ended, READ_MILLIS)
  await all
  clearTimeout(late)
  reader.close()
  await Effect.runPromise(Effect.ignore(request(link.nc, `CONSUMER.DELETE.${STREAM}.${consumer}`)))
  return messages
}

const messageOf = (letter: Letter): MailboxMessage | undefined => {
  const { body, merchant, origin, part, seq, subject, type } = letter
  const json = JSON.parse(text.decode(body)) as {
    readonly command_id?: string
    readonly payment_id?: string
    readonly attempt?: string
    readonly settlement?: string
    readonly dispute_id?: string
    readonly outcome?: { readonly _tag: NonNullable<MailboxMessage["outcome"]> }
  }
  const paymentId = json.payment_id ??
    (json.command_id === undefined ? undefined : paymentIdOf(merchant, json.command_id))
  return paymentId === undefined ? undefined : {
    seq,
    part,
    partition: Number(subject.split(".")[1]),
    origin,
    type,
    merchant,
    paymentId,
    commandId: json.command_id,
    attempt: json.attempt,
    outcome: json.outcome?._tag,
    settlement: json.settlement,
    disputeId: json.dispute_id
  }
}
