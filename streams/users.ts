import { mailboxes, platformCommands, producerCommands } from "./mailboxes.ts"

/** What each NATS identity may do (PROTOCOL §10). Everything not named is denied. */
export interface NatsUser {
  readonly name: string
  readonly publish: ReadonlyArray<string>
  readonly subscribe: ReadonlyArray<string>
}

/** Each identity has its own inbox prefix, so that nobody reads another's answers. */
const inboxOf = (user: string): string => `_INBOX.${user}`

const merchantUser = (merchant: string): string => `merchant-${merchant}`

const inbox = (user: string) => `${inboxOf(user)}.>`

const internal = mailboxes.map(({ family }) => `${family}.>`)

export const natsUsers = (merchants: ReadonlyArray<string>): ReadonlyArray<NatsUser> => [
  { name: "admin", publish: [">"], subscribe: [">"] },
  {
    name: "worker",
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
      "$JS.API.CONSUMER.MSG.NEXT.>"
    ],
    subscribe: [inbox("worker"), "$KV.leases.>", "$KV.control.>"]
  },
  {
    // Opens and closes mailboxes to commands (admission), in one process at a time.
    name: "gate",
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
  {
    // An operator's orders name a dead letter or a key, never what stands in a letter.
    name: "edge",
    publish: [
      "lastro.>",
      ...mailboxes.filter(({ kind }) => kind === "keyed").map(({ family }) =>
        `${family}.*.operate`
      ),
      "$KV.control.family.*",
      "$JS.API.INFO",
      "$JS.API.STREAM.INFO.*",
      "$JS.API.CONSUMER.INFO.>",
      "$JS.API.STREAM.MSG.GET.*",
      "$JS.API.DIRECT.GET.>"
    ],
    subscribe: [inbox("edge")]
  },
  {
    name: "producer",
    publish: [...producerCommands, ...platformCommands].map(([f, type]) => `lastro.${f}.${type}.*`),
    subscribe: [inbox("producer")]
  },
  ...merchants.map((merchant) => ({
    name: merchantUser(merchant),
    publish: producerCommands.map(([family, type]) => `lastro.${family}.${type}.${merchant}`),
    subscribe: [inbox(merchantUser(merchant))]
  }))
]
