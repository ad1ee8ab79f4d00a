import { Result, Schema } from "effect"
import { MerchantId } from "../domain/identifiers.ts"
import { isStorable } from "../domain/text.ts"
import type { MessageOf, MessageSchemas, Received, States } from "./actor.ts"
import type { AnyKeyed } from "./registry.ts"
import { stateKey } from "./actor.ts"
import { type Draft, foldDigest, jsonOf, type ParkedKey } from "./draft.ts"
import { CONFIGURE, Header, type Letter, placeOf, replyToOf, UNPARK } from "./letter.ts"
import { addDecision, addRefusal, type Addressing } from "./outbox.ts"
import { deadLetterOf, parkAfterFailure, parkAgain, quarantine } from "./park.ts"

/** A letter that decoded, with the actor keys it touches. */
export interface Readable {
  readonly letter: Letter
  readonly message: MessageOf<MessageSchemas>
  readonly keys: readonly [string, ...Array<string>]
}

export interface Unreadable {
  readonly letter: Letter
  readonly malformed: string
}

/** The letters of a woken key, in their order, behind the wake that brings them back. */
export interface Woken {
  readonly letter: Letter
  readonly wakes: { readonly merchant: string; readonly actorKey: string }
  readonly behind: ReadonlyArray<Readable | Unreadable>
  /** Letters decided now. Where more wait, the key stays parked and wakes again at once. */
  readonly max: number
}

export interface Reconfigure {
  readonly letter: Letter
  readonly config: { readonly version: number; readonly value: unknown; readonly json: string }
}

export type Opened = Readable | Unreadable | Woken | Reconfigure

const utf8 = new TextDecoder("utf-8", { fatal: true })

/** Depth beyond which JSON is hostile; checked before anything recurses over it. */
const JSON_DEPTH_MAX = 32

const tooDeep = (text: string): boolean => {
  let depth = 0
  let quoted = false
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index)
    if (quoted) {
      if (code === 0x5c) index++
      else if (code === 0x22) quoted = false
    } else if (code === 0x22) quoted = true
    else if (code === 0x7b || code === 0x5b) {
      if (++depth > JSON_DEPTH_MAX) return true
    } else if (code === 0x7d || code === 0x5d) depth--
  }
  return false
}

const parse = (body: Uint8Array): Result.Result<unknown, string> => {
  try {
    const text = utf8.decode(body)
    if (tooDeep(text)) return Result.fail(`nested deeper than ${JSON_DEPTH_MAX}`)
    return Result.succeed(JSON.parse(text))
  } catch (error) {
    // The engine quotes the text around the error, which may be a card number.
    return Result.fail(/position \d+/.exec((error as Error).message)?.[0] ?? "unreadable")
  }
}

const isMerchant = Schema.is(MerchantId)

/** Names of members a schema does not know are repeated in its message. */
const withoutNumbers = (text: string): string => text.replace(/\d(?:[ -]?\d){12,18}/g, "[number]")

/** Compiles an actor's decoders once. Commands are read strictly; messages of actors may grow. */
export const opener = (actor: AnyKeyed) => {
  const strict = new Map<string, (input: unknown) => Result.Result<unknown, Schema.SchemaError>>()
  const lenient = new Map<string, (input: unknown) => Result.Result<unknown, Schema.SchemaError>>()
  for (const [type, schema] of Object.entries(actor.messages)) {
    const plain = schema as Schema.Codec<unknown, unknown>
    strict.set(type, Schema.decodeUnknownResult(plain, { onExcessProperty: "error" }))
    lenient.set(type, Schema.decodeUnknownResult(plain))
  }
  const decodeConfig = Schema.decodeUnknownResult(actor.config.schema)

  return (letter: Letter): Opened => {
    if (letter.origin === "ingress" && !actor.ingress.includes(letter.type)) {
      return { letter, malformed: `${actor.family} takes no such command` }
    }
    if (letter.origin === "ingress" && !isMerchant(letter.merchant)) {
      return { letter, malformed: "the subject names no possible merchant" }
    }
    const parsed = letter.parsed === undefined ? parse(letter.body) : Result.succeed(letter.parsed)
    if (Result.isFailure(parsed)) return { letter, malformed: `not JSON: ${parsed.failure}` }
    if (letter.type === CONFIGURE) {
      const { config, version } = (parsed.success ?? {}) as { config?: unknown; version?: unknown }
      const value = decodeConfig(config)
      if (Result.isFailure(value) || typeof version !== "number") {
        return { letter, malformed: "not a configuration with a version" }
      }
      return { letter, config: { version, value: value.success, json: jsonOf(config) } }
    }
    if (letter.type === UNPARK && letter.origin === "timer") {
      const { key } = parsed.success as { key: string }
      return {
        letter,
        wakes: { merchant: letter.merchant, actorKey: key },
        behind: [],
        max: 0
      }
    }
    const decode = (letter.origin === "ingress" ? strict : lenient).get(letter.type)
    if (decode === undefined) return { letter, malformed: `unknown type ${letter.type}` }
    const decoded = decode(parsed.success)
    if (Result.isFailure(decoded)) {
      return { letter, malformed: withoutNumbers(decoded.failure.message) }
    }
    const message = { type: letter.type, body: decoded.success } as MessageOf<MessageSchemas>
    return withKeys(actor, letter, message)
  }
}

/** Without a key there is nothing to quarantine: a defect here concerns this letter alone. */
const withKeys = (
  actor: AnyKeyed,
  letter: Letter,
  message: MessageOf<MessageSchemas>
): Readable | Unreadable => {
  try {
    const keys = actor.keysOf(message as never, letter as never)
    return keys.every(isStorable)
      ? { letter, message, keys }
      : { letter, malformed: "it names a key that cannot be stored" }
  } catch {
    return { letter, malformed: "its key cannot be told" }
  }
}

/** What the fold reads of its partition. */
export interface FoldContext {
  readonly actor: AnyKeyed
  readonly addressing: Addressing
  readonly partition: number
  /** Committed states of every key the batch names. */
  readonly committed: (id: string) => unknown
  /** Keys set aside before this turn. */
  readonly parked: ReadonlyMap<string, ParkedKey>
  readonly config: { readonly version: number; readonly value: unknown }
  /** Typed failures found while loading, with the directive for each. */
  readonly failures: ReadonlyMap<Letter, { readonly tag: string; readonly cause: string }>
  /** Letters whose data PostgreSQL refused: treated as defects. */
  readonly defects: ReadonlyMap<Letter, string>
}

/** Decides letter by letter, in stream order, in memory. */
export const fold = (context: FoldContext, opened: ReadonlyArray<Opened>, draft: Draft): void => {
  // What the letters of one bundle emit is numbered through: its sequence is their common cause.
  let counter = { seq: -1, ordinal: 0 }
  for (const one of opened) {
    if (one.letter.seq !== counter.seq) counter = { seq: one.letter.seq, ordinal: 0 }
    const due = Number(one.letter.headers[Header.due] ?? 0)
    draft.clockMillis = Math.max(
      draft.clockMillis,
      one.letter.atMillis,
      one.letter.origin === "timer" && Number.isFinite(due) ? due : 0
    )
    if ("behind" in one) foldWoken(context, one, draft, counter)
    else if ("config" in one) foldConfig(context, one, draft)
    else foldOne(context, one, one.letter, draft, counter)
  }
}

const foldConfig = (context: FoldContext, one: Reconfigure, draft: Draft): void => {
  const known = draft.config?.version ?? context.config.version
  if (one.config.version > known) {
    draft.config = one.config
    return foldDigest(draft, one.letter, "configured", [one.config.json])
  }
  foldDigest(draft, one.letter, "repeated", [])
}

/** A woken key's letters are decided in order until one of them sends the key back. */
const foldWoken = (
  context: FoldContext,
  one: Woken,
  draft: Draft,
  counter: { ordinal: number }
): void => {
  const { actorKey, merchant } = one.wakes
  const id = stateKey(merchant, actorKey)
  const known = parkedNow(context, draft, id)
  if (known === undefined || (known.quarantined && one.letter.origin === "timer")) {
    return foldDigest(draft, one.letter, "repeated", [])
  }
  draft.parked.delete(id)
  draft.unparked.set(id, { merchant, actorKey })
  // What arrived for the key earlier in this very turn waits behind what the tables hold.
  const fresh = draft.parkedLetters.filter((parked) => parked.id === id)
  draft.parkedLetters = draft.parkedLetters.filter((parked) => parked.id !== id)
  const queue = [...one.behind, ...fresh.map(({ one }) => one)]
  let taken = 0
  for (const each of queue.slice(0, one.max)) {
    if (parkedNow(context, draft, id) !== undefined) break
    taken++
    const waits = foldOne(context, each, one.letter, draft, counter, known.attempts)
    if (waits) continue
    const { part, seq } = each.letter
    draft.handledLetters.push({ merchant, actorKey, seq, part })
  }
  draft.parkedLetters.push(...fresh.slice(Math.max(0, taken - one.behind.length)))
  if (parkedNow(context, draft, id) === undefined) {
    if (queue.length > one.max) parkAgain(context, draft, { merchant, actorKey }, "more waiting")
  }
  wakeThoseWaitingFor(context, draft, { merchant, actorKey })
  foldDigest(draft, one.letter, "woken", [])
}

/** A key that no longer stands in their way frees those whose letters touch it. */
const wakeThoseWaitingFor = (
  context: FoldContext,
  draft: Draft,
  { actorKey, merchant }: { readonly merchant: string; readonly actorKey: string }
): void => {
  const now = parkedNow(context, draft, stateKey(merchant, actorKey))
  for (const [id, key] of [...context.parked, ...draft.parked]) {
    const waits = key.merchant === merchant && key.waitsFor?.key === actorKey &&
      parkedNow(context, draft, id) === key
    if (waits && !stops(now, key.waitsFor)) parkAgain(context, draft, key, "its turn has come")
  }
}

/**
 * Whether a key stands in the way of a letter. One that only waits for another lets those pass that
 * are older than its oldest letter: so the oldest letter of all is never held up by younger ones, and
 * two keys cannot wait for each other.
 */
const stops = (
  parked: ParkedKey | undefined,
  letter: { readonly seq: number; readonly part: number }
): boolean => {
  if (parked === undefined) return false
  const { waitsFor } = parked
  if (waitsFor === undefined) return true
  return waitsFor.seq < letter.seq || (waitsFor.seq === letter.seq && waitsFor.part < letter.part)
}

const parkedNow = (context: FoldContext, draft: Draft, id: string): ParkedKey | undefined =>
  draft.parked.get(id) ?? (draft.unparked.has(id) ? undefined : context.parked.get(id))

/** Handles one letter; true when its key was set aside with the letter still waiting. */
const foldOne = (
  context: FoldContext,
  one: Readable | Unreadable,
  cause: Letter,
  draft: Draft,
  counter: { ordinal: number },
  attempts = 0
): boolean => {
  const { actor, addressing } = context
  const { letter } = one
  if ("malformed" in one) {
    draft.deadLetters.push(
      deadLetterOf(actor.family, one.letter, undefined, "malformed", one.malformed, 1)
    )
    // Where even this was refused by PostgreSQL, the letter is kept and nothing is told.
    if (!context.defects.has(cause)) {
      addRefusal(addressing, draft, cause, counter, letter, {
        code: "malformed",
        detail: one.malformed
      })
    }
    foldDigest(draft, letter, "malformed", [])
    return false
  }
  const stopped = one.keys.find((key) =>
    stops(parkedNow(context, draft, stateKey(letter.merchant, key)), letter)
  )
  if (stopped !== undefined) {
    waitWithFirstKey(context, draft, one, stopped)
    foldDigest(draft, letter, "parked", [])
    return true
  }
  const failure = context.failures.get(letter)
  if (failure !== undefined) {
    return parkAfterFailure(context, draft, one, cause, counter, failure, attempts)
  }
  try {
    const defect = context.defects.get(cause)
    if (defect !== undefined) throw new Error(defect)
    const decided = decide(context, one, draft)
    if (Result.isFailure(decided)) {
      addRefusal(addressing, draft, cause, counter, letter, decided.failure)
      foldDigest(draft, letter, "refused", [jsonOf(decided.failure)])
    } else {
      const { committed } = context
      const { success } = decided
      const parts = addDecision(addressing, draft, cause, counter, letter, success, committed)
      foldDigest(draft, letter, "decided", parts)
    }
    return false
  } catch (error) {
    quarantine(
      context,
      draft,
      one,
      "defect",
      error instanceof Error ? error.message : String(error)
    )
    foldDigest(draft, letter, "defect", [])
    return true
  }
}

/**
 * A letter always waits with its first key, whichever of its keys is set aside: so it keeps its place
 * among that key's letters, and nothing overtakes it there.
 */
const waitWithFirstKey = (
  context: FoldContext,
  draft: Draft,
  one: Readable,
  stopped: string
): void => {
  const { merchant } = one.letter
  const [actorKey] = one.keys
  const id = stateKey(merchant, actorKey)
  draft.parkedLetters.push({ id, one, merchant, actorKey })
  if (parkedNow(context, draft, id) !== undefined) return
  draft.parked.set(id, {
    merchant,
    actorKey,
    attempts: 0,
    quarantined: false,
    reason: `waits for ${stopped}`,
    wakeAtMillis: Number.MAX_SAFE_INTEGER,
    waitsFor: { key: stopped, seq: one.letter.seq, part: one.letter.part }
  })
}

const decide = (
  context: FoldContext,
  one: Readable,
  draft: Draft
): ReturnType<AnyKeyed["decide"]> => {
  const { letter } = one
  const states: States<unknown> = {
    get: (key) => {
      const id = stateKey(letter.merchant, key)
      return draft.states.get(id)?.state ?? context.committed(id)
    }
  }
  const received: Received = {
    family: context.actor.family,
    partition: context.partition,
    seq: letter.seq,
    cause: `${context.partition}.${placeOf(letter)}`,
    merchant: letter.merchant,
    type: letter.type,
    keys: one.keys,
    at: draft.clockMillis,
    replyTo: replyToOf(letter),
    config: (draft.config ?? context.config).value
  }
  return context.actor.decide(states, one.message as never, received)
}
