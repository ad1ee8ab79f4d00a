/** One setting that is not as declared. */
export interface Difference {
  readonly setting: string
  readonly declared: unknown
  readonly found: unknown
  /** Why nobody but a person may change it; absent where it can be changed in place. */
  readonly blocked?: string
}

/** In the metadata of a mailbox: how many partitions it was made with. */
export const PARTITIONS_RECORD = "lastro.partitions"
/** Mailboxes were made with so many while there was no choice, and no record. */
export const PARTITIONS_UNRECORDED = "8"

/** What a stream holds: some changes of limits would delete it. */
interface Held {
  readonly messages: number
  readonly bytes: number
  readonly firstMillis: number
}

type Config = Readonly<Record<string, unknown>>

/**
 * The server adds defaults and metadata of its own (`_nats.…`), and others may add theirs; only what is
 * declared is compared, and of metadata only what is apart is shown.
 */
export const settingsApart = (declared: object, found: Config): ReadonlyArray<Difference> =>
  Object.entries(declared).flatMap(([setting, value]) => {
    const there = found[setting]
    if (contains(there, value)) return []
    if (setting !== "metadata") return [{ setting, declared: value, found: there }]
    const apart = Object.entries(value as Config)
      .filter(([name, text]) => (there as Config | undefined)?.[name] !== text)
    return [{
      setting,
      declared: Object.fromEntries(apart),
      found: Object.fromEntries(apart.flatMap(([name]) => {
        const text = (there as Config | undefined)?.[name]
        return text === undefined ? [] : [[name, text]]
      }))
    }]
  })

/**
 * A stream's settings; the number of partitions apart from what else its metadata say; and a transform
 * where there is one: none is declared, since every server applies it by itself and copies may come to
 * differ.
 */
export const streamApart = (declared: Config, found: Config): ReadonlyArray<Difference> => {
  const transform = found["subject_transform"]
  const { [PARTITIONS_RECORD]: ours, ...metadata } = (declared["metadata"] ?? {}) as Config
  const theirs = (found["metadata"] as Config | undefined)?.[PARTITIONS_RECORD] ??
    PARTITIONS_UNRECORDED
  const moved = ours !== undefined && ours !== theirs
  return [
    ...settingsApart(moved ? { ...declared, metadata } : declared, found),
    ...(moved
      ? [{ setting: PARTITIONS_SETTING, declared: Number(ours), found: Number(theirs) }]
      : []),
    ...(transform === undefined
      ? []
      : [{ setting: "subject_transform", declared: undefined, found: transform }])
  ]
}

const contains = (found: unknown, declared: unknown): boolean => {
  if (typeof declared !== "object" || declared === null) {
    return found === declared || (found === undefined && (declared === false || declared === 0))
  }
  if (Array.isArray(declared)) {
    return Array.isArray(found) && found.length === declared.length &&
      declared.every((item, index) => contains(found[index], item))
  }
  return Object.entries(declared).every(([key, value]) =>
    contains((found as Config | undefined)?.[key], value)
  )
}

/** What a stream is made with, once and for all (nats-server refuses to change it). */
const FIXED_STREAM = new Set(["storage", "max_consumers"])
/** From and to this retention there is no way; between the others there is. */
const FIXED_RETENTION = "workqueue"
/** What the server lets nobody take back once it is on. */
const ONE_WAY = new Set([
  "deny_delete",
  "deny_purge",
  "allow_msg_ttl",
  "allow_msg_schedules",
  "allow_msg_counter",
  "sealed"
])
/** Under this name a plan tells of a mailbox with another number of partitions. */
export const PARTITIONS_SETTING = "partitions"
const FIXED_CONSUMER = new Set([
  "deliver_policy",
  "opt_start_seq",
  "ack_policy",
  "replay_policy",
  "filter_subject"
])

/** A stream's differences, each with the reason why it must not or cannot be changed, where there is one. */
export const judgeStream = (
  differences: ReadonlyArray<Difference>,
  held: Held,
  nowMillis: number
): ReadonlyArray<Difference> =>
  differences.map((one) => {
    const blocked = streamBlock(one, held, nowMillis)
    return blocked === undefined ? one : { ...one, blocked }
  })

const streamBlock = (
  { declared, found, setting }: Difference,
  held: Held,
  nowMillis: number
): string | undefined => {
  if (setting === PARTITIONS_SETTING) {
    return `keys would move away from their order: set LASTRO_PARTITIONS=${found}`
  }
  if (
    FIXED_STREAM.has(setting) ||
    setting === "retention" && [declared, found].includes(FIXED_RETENTION)
  ) return "a stream keeps this for its life"
  if (ONE_WAY.has(setting) && found === true) return "it cannot be taken back"
  return held.messages > 0 && deletes(setting, declared, held, nowMillis)
    ? "messages would be deleted"
    : undefined
}

/** Whether a limit, set as declared, would delete some of what the stream holds. */
const deletes = (setting: string, declared: unknown, held: Held, nowMillis: number): boolean => {
  const limit = Number(declared)
  if (!(limit > 0)) return false
  switch (setting) {
    case "max_age":
      return nowMillis - held.firstMillis > limit / 1_000_000
    case "max_bytes":
      return held.bytes > limit
    case "max_msgs":
      return held.messages > limit
    case "max_msgs_per_subject":
      return true
    default:
      return false
  }
}

export const judgeConsumer = (
  differences: ReadonlyArray<Difference>
): ReadonlyArray<Difference> =>
  differences.map((one) =>
    FIXED_CONSUMER.has(one.setting)
      ? { ...one, blocked: "a consumer keeps this for its life" }
      : one
  )
