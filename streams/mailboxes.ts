import type { Schema } from "effect"
import { partitionCount } from "../src/domain/partition.ts"
import { DeliveryMessages } from "./messages/delivery.ts"
import { FraudMessages } from "./messages/fraud.ts"
import { GatewayMessages } from "./messages/gateway.ts"
import { MessagingMessages } from "./messages/messaging.ts"
import { PaymentsMessages } from "./messages/payments.ts"
import { ReconciliationMessages } from "./messages/reconciliation.ts"

/**
 * What flows where. Each family has one mailbox: a JetStream stream whose partitions are the unit
 * of order and of ownership. Producers write `lastro.<family>.<type>.<merchant>`; the server they are
 * connected to turns that into `<family>.<partition>.ingress.<type>.<merchant>` before anything else sees
 * it; actors write `<family>.<partition>.<source>`.
 */
export interface Mailbox {
  readonly family: string
  readonly stream: string
  readonly kind: "keyed" | "outbound"
  /** What it takes, by type. */
  readonly messages: Readonly<Record<string, Schema.Codec<unknown, unknown>>>
}

export const mailboxes = [
  { family: "payments", stream: "PAYMENTS", kind: "keyed", messages: PaymentsMessages },
  { family: "fraud", stream: "FRAUD", kind: "keyed", messages: FraudMessages },
  { family: "gateway", stream: "GATEWAY", kind: "outbound", messages: GatewayMessages },
  { family: "messaging", stream: "MESSAGING", kind: "keyed", messages: MessagingMessages },
  { family: "delivery", stream: "DELIVERY", kind: "outbound", messages: DeliveryMessages },
  {
    family: "reconciliation",
    stream: "RECONCILIATION",
    kind: "keyed",
    messages: ReconciliationMessages
  }
] as const satisfies ReadonlyArray<Mailbox>

type Declared = (typeof mailboxes)[number]

export type Family = Declared["family"]

export type FamilyOf<Kind extends Mailbox["kind"]> = Extract<Declared, { kind: Kind }>["family"]

/** What each family's mailbox takes, by type. */
export type Mail = { readonly [One in Declared as One["family"]]: One["messages"] }

/**
 * The deployment's choice, made before its first start: it bounds how many workers share a family. Another
 * number later would move keys away from their order, so the mailboxes record it (streams/topology.ts) and
 * whoever comes with another one is refused.
 */
export const PARTITIONS = partitionCount(process.env["LASTRO_PARTITIONS"])

/**
 * A mapping of the NATS account, in the configuration of every server. A stream's own subject transform
 * would do the same, but each server of a cluster applies that by itself, and servers were seen that did
 * not: their copies held commands where no partition reads.
 */
export const ingressMapping = {
  src: "lastro.*.*.*",
  dest: `{{wildcard(1)}}.{{partition(${PARTITIONS},3)}}.ingress.{{wildcard(2)}}.{{wildcard(3)}}`
} as const

/** What a merchant's own systems may publish; everything else enters through the edge. */
export const producerCommands: ReadonlyArray<readonly [family: Family, type: string]> = [
  ["payments", "create"],
  ["payments", "capture"],
  ["payments", "increment"],
  ["payments", "void"],
  ["payments", "refund"],
  ["payments", "payout"],
  ["payments", "transfer"],
  ["payments", "quote"],
  ["payments", "convert"],
  ["payments", "dispute_evidence"],
  ["payments", "dispute_accept"]
]

/** What only the platform's own systems may publish: gateways' files, routed by source, and their word. */
export const platformCommands: ReadonlyArray<readonly [family: Family, type: string]> = [
  ["payments", "dispute_opened"],
  ["payments", "dispute_closed"],
  ["payments", "payout_returned"],
  ["payments", "open_merchant"],
  ["payments", "reverse_conversion"],
  ["reconciliation", "file"]
]

/** `payments-07`: the fence watches this token, and cardinality stays at families × partitions. */
export const sourceOf = (family: string, partition: number): string =>
  `${family}-${String(partition).padStart(2, "0")}`
