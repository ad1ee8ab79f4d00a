import { isDeepStrictEqual } from "node:util"
import { Effect, Schema } from "effect"
import { JetStreamCode, request } from "./api.ts"
import { append } from "./append.ts"
import { type BusClient, BusUnavailable, type NatsLink } from "./connection.ts"

/** Whether a family works, and who said so. One entry of the `control` bucket, `family.<family>`. */
const FamilyControl = Schema.Struct({
  state: Schema.Literals(["running", "paused"]),
  /** Grows with every change. */
  generation: Schema.Int,
  by: Schema.String,
  why: Schema.String,
  at: Schema.String
})
type FamilyControl = typeof FamilyControl.Type

/** Partitions given up of late, the newest last. Entry `escalations.<family>`. */
export const Escalations = Schema.Struct({
  recent: Schema.Array(Schema.Struct({
    at: Schema.String,
    partition: Schema.Int,
    worker: Schema.String,
    detail: Schema.String,
    /** Of the family when it happened: after a person resumed it, earlier ones count no more. */
    generation: Schema.Int,
    /** Outages pass by themselves and trip nothing. */
    counts: Schema.Boolean
  }))
})
export type Escalations = typeof Escalations.Type

const STREAM = "KV_control"
export const CONTROL_PREFIX = "$KV.control."
/** Somebody else changed the entry between our read and our write; so often it is read again. */
const CHANGE_TRIES_MAX = 8
/** Acknowledgements lost in a row: then nobody knows, and it has to be asked later. */
const LOSSES_MAX = 2

const unavailable = (error: { readonly message: string }) =>
  Effect.fail(new BusUnavailable({ detail: error.message }))

/**
 * Read from the leader, so that a change just made is seen. An entry that does not decode (an
 * acknowledgement that a producer had sent here) says nothing: what was said before it still holds.
 */
export const readEntry = Effect.fnUntraced(function* <A>(
  nc: BusClient,
  key: string,
  schema: Schema.Codec<A, unknown>
): Effect.fn.Return<{ value: A | undefined; revision: number }, BusUnavailable> {
  const subject = CONTROL_PREFIX + key
  const last = yield* messageOf(nc, { last_by_subj: subject })
  if (last === undefined) return { value: undefined, revision: 0 }
  let value = decode(schema, last.data)
  if (value === undefined) {
    // At most the bucket's history, and nearly never.
    for (let from = 1;;) {
      const next = yield* messageOf(nc, { seq: from, next_by_subj: subject })
      if (next === undefined) break
      value = decode(schema, next.data) ?? value
      from = next.seq + 1
    }
  }
  return { value, revision: last.seq }
})

const messageOf = (nc: BusClient, which: object) =>
  request<{ message: { seq: number; data?: string } }>(nc, `STREAM.MSG.GET.${STREAM}`, which).pipe(
    Effect.map(({ message }): { seq: number; data?: string } | undefined => message),
    Effect.catchTag(
      "JetStreamRefused",
      (error) =>
        error.code === JetStreamCode.MessageNotFound
          ? Effect.succeed(undefined)
          : unavailable(error)
    )
  )

/** What somebody wrote by hand and nobody can read says nothing. */
const decode = <A>(schema: Schema.Codec<A, unknown>, data: string | undefined): A | undefined => {
  try {
    const text = Buffer.from(data ?? "", "base64").toString("utf8")
    return Schema.decodeUnknownSync(schema)(JSON.parse(text))
  } catch {
    return undefined
  }
}

/**
 * Compare-and-set. `change` answers undefined where nothing is to be written. A write whose
 * acknowledgement was lost is looked for, and made again where it is not there: the revision it was
 * made for lets only one of them through.
 */
export const changeEntry = Effect.fnUntraced(function* <A>(
  nc: BusClient,
  key: string,
  schema: Schema.Codec<A, unknown>,
  change: (known: A | undefined) => A | undefined
): Effect.fn.Return<A | undefined, BusUnavailable> {
  let unanswered: A | undefined
  let losses = 0
  for (let tries = 1;; tries++) {
    const { revision, value } = yield* readEntry(nc, key, schema).pipe(
      Effect.mapError((error) => unanswered === undefined ? error : unclear(error))
    )
    if (unanswered !== undefined && isDeepStrictEqual(value, unanswered)) return value
    const changed = change(value)
    if (changed === undefined) return value
    const subject = CONTROL_PREFIX + key
    const written = yield* Effect.result(append(nc, [{
      subject,
      headers: [],
      payload: JSON.stringify(changed),
      fence: { filter: subject, lastSeq: revision }
    }]))
    if (written._tag === "Success") return changed
    const error = written.failure
    if (error._tag === "BusUnavailable") {
      if (++losses >= LOSSES_MAX) return yield* unclear(error)
      unanswered = changed
      continue
    }
    const lost = error.code === JetStreamCode.WrongLastSequence ||
      error.code === JetStreamCode.WrongLastSequenceConstant
    if (!lost || tries >= CHANGE_TRIES_MAX) return yield* unavailable(error)
  }
})

const unclear = ({ detail }: BusUnavailable) => new BusUnavailable({ detail, mayHold: true })

export const familyControl = (nc: BusClient, family: string) =>
  Effect.map(readEntry(nc, `family.${family}`, FamilyControl), ({ value }) => value)

export const escalationsOf = (nc: BusClient, family: string) =>
  Effect.map(
    readEntry(nc, `escalations.${family}`, Escalations),
    ({ value }) => value?.recent ?? []
  )

/** Pauses or resumes a family for every worker. True where that changed anything. */
export const setFamily = Effect.fnUntraced(function* (
  nc: BusClient,
  family: string,
  wanted: Pick<FamilyControl, "state" | "by" | "why" | "at">
) {
  let changed = false
  yield* changeEntry(nc, `family.${family}`, FamilyControl, (known) => {
    changed = (known?.state ?? "running") !== wanted.state
    return changed ? { ...wanted, generation: (known?.generation ?? 0) + 1 } : undefined
  })
  return changed
})

export const addEscalation = (
  nc: BusClient,
  family: string,
  one: Escalations["recent"][number],
  keptMax: number
) =>
  Effect.map(
    changeEntry(nc, `escalations.${family}`, Escalations, (known) => ({
      recent: [...known?.recent ?? [], one].slice(-keptMax)
    })),
    (written) => written!.recent
  )

/** Without a word from the server the bucket is looked at this often all the same. */
const LOOK_EVERY_MILLIS = 2_000
/** After a word: what was told may be stored only a moment later. */
const TOLD_FOR_MILLIS = 1_000
const TICK = "100 millis"

/** Which families are paused, as every worker sees it. What is known stays valid while NATS is away. */
export class Control {
  private readonly nc: BusClient
  private readonly families: ReadonlyArray<string>
  private readonly entries = new Map<string, FamilyControl>()
  private readonly listeners = new Set<() => void>()
  private lastSeq = -1
  private lookAt = 0
  private toldUntil = 0

  private constructor(nc: BusClient, families: ReadonlyArray<string>) {
    this.nc = nc
    this.families = families
  }

  /** Reads the bucket before anybody works: a pause outlives every worker. */
  static readonly open = Effect.fnUntraced(function* (
    link: NatsLink,
    families: ReadonlyArray<string>
  ) {
    const control = new Control(link.nc, families)
    const subscription = link.nc.subscribe(`${CONTROL_PREFIX}>`, {
      callback: () => {
        control.toldUntil = Date.now() + TOLD_FOR_MILLIS
      }
    })
    yield* Effect.addFinalizer(() => Effect.sync(() => subscription.unsubscribe()))
    yield* control.look()
    return control
  })

  readonly of = (family: string): FamilyControl | undefined => this.entries.get(family)

  readonly isPaused = (family: string): boolean => this.entries.get(family)?.state === "paused"

  readonly onChange = (listener: () => void): void => {
    this.listeners.add(listener)
  }

  /** Looks for ever, often after a word from the server. */
  readonly watch: Effect.Effect<never> = Effect.suspend(() => {
    const now = Date.now()
    return now < this.lookAt && now > this.toldUntil ? Effect.void : Effect.ignore(this.look())
  }).pipe(Effect.andThen(Effect.sleep(TICK)), Effect.forever)

  private readonly look = Effect.fnUntraced({ self: this }, function* (this: Control) {
    this.lookAt = Date.now() + LOOK_EVERY_MILLIS
    const { state } = yield* request<{ state: { last_seq: number } }>(
      this.nc,
      `STREAM.INFO.${STREAM}`
    ).pipe(Effect.catchTag("JetStreamRefused", unavailable))
    if (state.last_seq === this.lastSeq) return
    const found = yield* Effect.forEach(
      this.families,
      (family) => familyControl(this.nc, family),
      { concurrency: "unbounded" }
    )
    this.families.forEach((family, index) => {
      const entry = found[index]
      // Never "running" for want of a word that can be read.
      if (entry !== undefined) this.entries.set(family, entry)
    })
    this.lastSeq = state.last_seq
    for (const listener of this.listeners) listener()
  })
}
