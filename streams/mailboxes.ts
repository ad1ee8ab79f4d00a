import type { Schema } from "effect"
import { partitionCount } from "../src/domain/partition.ts"
import { DeliveryMessages } from "./messages/delivery.ts"
import { FraudMessages } from "./messages/fraud.ts"
import { GatewayMessages } from "./messages/gateway.ts"
import { MessagingMessages } from "./messages/messaging.ts"
import { PaymentsMessages } from "./messages/payments.ts"
import { ReconciliationMessages } from "./messages/reconciliation.ts"

/**
 * What flows where. A family is a kind of actor: producers write `lastro.<family>.<type>.<merchant>`; the
 * server they are connected to turns that into `<family>.<partition>.ingress.<type>.<merchant>` before
 * anything else sees it; actors write `<family>.<partition>.<source>`.
 */
interface FamilySpec {
  readonly family: string
  readonly kind: "keyed" | "outbound"
  /** What it takes, by type. */
  readonly messages: Readonly<Record<string, Schema.Codec<unknown, unknown>>>
}

const catalogue = [
  { family: "payments", kind: "keyed", messages: PaymentsMessages },
  { family: "fraud", kind: "keyed", messages: FraudMessages },
  { family: "gateway", kind: "outbound", messages: GatewayMessages },
  { family: "messaging", kind: "keyed", messages: MessagingMessages },
  { family: "delivery", kind: "outbound", messages: DeliveryMessages },
  { family: "reconciliation", kind: "keyed", messages: ReconciliationMessages }
] as const satisfies ReadonlyArray<FamilySpec>

type Declared = (typeof catalogue)[number]

export type Family = Declared["family"]

export type FamilyOf<Kind extends FamilySpec["kind"]> = Extract<
  Declared,
  { kind: Kind }
>["family"]

/** What each family takes, by type. */
export type Mail = { readonly [One in Declared as One["family"]]: One["messages"] }

/**
 * A JetStream stream whose partitions are the unit of order and of ownership: one lease, cursor, digest and
 * relay for all the families that it holds messages of. It has the name of the first of them.
 */
export interface Mailbox {
  readonly mailbox: Family
  readonly stream: string
  readonly kind: FamilySpec["kind"]
  readonly families: readonly [Family, ...Array<Family>]
}

/** Families of one routing key that share a mailbox. Each of the others has one of its own. */
type Groups = ReadonlyArray<readonly [FamilyOf<"keyed">, ...Array<FamilyOf<"keyed">>]>

/** Reconciliation stays apart: a mailbox has one gate, and a file that fills it must not close payments'. */
const groups: Groups = [["payments", "fraud", "messaging"]]

export const mailboxesOf = (groups: Groups): ReadonlyArray<Mailbox> =>
  catalogue.flatMap(({ family, kind }): ReadonlyArray<Mailbox> => {
    const group = groups.find((one) => one.some((member) => member === family)) ?? [family]
    if (group[0] !== family) return []
    return [{ mailbox: family, stream: family.toUpperCase(), kind, families: group }]
  })

export const mailboxes = mailboxesOf(groups)

/** Every family, with the mailbox that it reads. */
export const families = catalogue.map((one) => {
  const { mailbox, stream } = mailboxes.find(({ families }) => families.includes(one.family))!
  return { ...one, mailbox, stream }
})

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

/** What is as much as a file: it always stands in a mailbox, so that no turn takes more of it than it can. */
export const bulk: ReadonlyArray<readonly [family: Family, type: string]> = [
  ["reconciliation", "file"],
  ["reconciliation", "match"],
  ["reconciliation", "close"]
]

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

/** `payments-07`: the fence watches this token, and cardinality stays at mailboxes × partitions. */
export const sourceOf = (mailbox: string, partition: number): string =>
  `${mailbox}-${String(partition).padStart(2, "0")}`
