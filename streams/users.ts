import { partitionOf } from "../src/domain/partition.ts"
import { families, mailboxes, PARTITIONS, platformCommands, producerCommands } from "./mailboxes.ts"

/**
 * What each NATS identity may do (docs/protocol.md §10). Everything not named is denied. Servers ask for the
 * right to publish after they have mapped a subject: who may give a command may give it under both names,
 * and an actor refuses one that is not in its merchant's partition.
 */
export interface NatsUser {
  readonly name: string
  /** `PRODUCERS` for who gives commands and no more: see `fromProducers`. */
  readonly account: NatsAccount
  readonly publish: ReadonlyArray<string>
  readonly subscribe: ReadonlyArray<string>
}

/**
 * NATS checks what is published and not where its acknowledgement is asked to be sent. So the machine has
 * an account of its own, and producers another one, from which commands come in and to which nothing but
 * their acknowledgements and answers goes: where a producer has one sent is a subject of its own account.
 */
export type NatsAccount = "LASTRO" | "PRODUCERS"

/** Each identity has its own inbox prefix, so that nobody reads another's answers. */
const inboxOf = (user: string): string => `_INBOX.${user}`

const merchantUser = (merchant: string): string => `merchant-${merchant}`

const inbox = (user: string) => `${inboxOf(user)}.>`

/** What happened, what was set aside, what servers told: no mailbox is read by anybody but its actors. */
const readable = ["EVENTS", "DEAD_LETTERS", "ADVISORIES"]

const internal = families.map(({ family }) => `${family}.>`)

/** Looks at everything and reads what is there to be read; answers of the server go to its own inbox. */
const observer: NatsUser = {
  name: "observer",
  account: "LASTRO",
  publish: [
    "$JS.API.INFO",
    "$JS.API.STREAM.NAMES",
    "$JS.API.STREAM.LIST",
    "$JS.API.STREAM.INFO.*",
    "$JS.API.CONSUMER.NAMES.*",
    "$JS.API.CONSUMER.LIST.*",
    "$JS.API.CONSUMER.INFO.>",
    ...readable.flatMap((stream) => [
      `$JS.API.CONSUMER.CREATE.${stream}.>`,
      `$JS.API.CONSUMER.MSG.NEXT.${stream}.*`,
      `$JS.API.STREAM.MSG.GET.${stream}`,
      `$JS.ACK.${stream}.>`
    ])
  ],
  subscribe: [inbox("observer")]
}

const partitions = Array.from({ length: PARTITIONS }, (_, partition) => partition)

/**
 * An operator's orders name a dead letter or a key, never what stands in a letter. Each partition by
 * itself: an edge of a release that reckons with more is denied those, instead of being read by nobody.
 */
const edge: NatsUser = {
  name: "edge",
  account: "LASTRO",
  publish: [
    ...families.filter(({ kind }) => kind === "keyed").flatMap(({ family }) => [
      ...partitions.map((partition) => `${family}.${partition}.ingress.*.*`),
      `${family}.*.operate`
    ]),
    "$KV.control.family.*",
    "$KV.control.access",
    "$JS.API.INFO",
    "$JS.API.STREAM.INFO.*",
    "$JS.API.CONSUMER.INFO.>",
    "$JS.API.STREAM.MSG.GET.*",
    "$JS.API.DIRECT.GET.>"
  ],
  subscribe: [inbox("edge"), "$KV.control.access"]
}

export const natsUsers = (merchants: ReadonlyArray<string>): ReadonlyArray<NatsUser> => [
  { name: "admin", account: "LASTRO", publish: [">"], subscribe: [">"] },
  {
    name: "worker",
    account: "LASTRO",
    publish: [
      ...internal,
      "events.>",
      "dead.>",
      "timers.>",
      "_INBOX.>",
      "$KV.leases.>",
      "$KV.control.>",
      "$JS.ACK.>",
      "$JS.API.INFO",
      "$JS.API.STREAM.INFO.*",
      "$JS.API.STREAM.MSG.GET.*",
      "$JS.API.DIRECT.GET.>",
      "$JS.API.CONSUMER.CREATE.>",
      "$JS.API.CONSUMER.DELETE.>",
      "$JS.API.CONSUMER.INFO.>",
      "$JS.API.CONSUMER.MSG.NEXT.>",
      // A leader that cannot write any more is replaced (leases).
      "$JS.API.STREAM.LEADER.STEPDOWN.KV_leases"
    ],
    subscribe: [inbox("worker"), "$KV.leases.>", "$KV.control.>"]
  },
  {
    // Opens and closes mailboxes to commands (admission), in one process at a time.
    name: "gate",
    account: "LASTRO",
    publish: [
      "$KV.leases.office.*",
      "$JS.API.STREAM.INFO.*",
      "$JS.API.STREAM.MSG.GET.*",
      "$JS.API.CONSUMER.INFO.>",
      "$JS.API.CONSUMER.CREATE.KV_leases",
      ...mailboxes.filter(({ kind }) => kind === "keyed")
        .map(({ stream }) => `$JS.API.STREAM.UPDATE.${stream}`)
    ],
    subscribe: [inbox("gate")]
  },
  edge,
  observer,
  {
    name: "producer",
    account: "PRODUCERS",
    publish: [...producerCommands, ...platformCommands].map(([family, type]) =>
      `${family}.*.ingress.${type}.*`
    ),
    subscribe: [inbox("producer")]
  },
  ...merchants.map((merchant) => ({
    name: merchantUser(merchant),
    account: "PRODUCERS" as const,
    publish: producerCommands.map(([family, type]) =>
      `${family}.${partitionOf(merchant, PARTITIONS)}.ingress.${type}.${merchant}`
    ),
    subscribe: [inbox(merchantUser(merchant))]
  }))
]

/** What crosses from the producers' account into the machine's (services, with their acknowledgements), and back (streams). */
export const fromProducers = {
  /** Each partition by itself: what names another one is taken by nobody, instead of read by nobody. */
  services: [
    ...new Set([...producerCommands, ...platformCommands].map(([family]) => family))
  ].flatMap((family) => partitions.map((partition) => `${family}.${partition}.ingress.*.*`)),
  /** Outcomes of commands whose producer asked for them; each user hears its own inbox. */
  streams: [inbox("*")]
} as const
