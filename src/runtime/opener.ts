import { Result, Schema } from "effect"
import { isInPlace } from "../bus/ingress.ts"
import { withoutLongNumbers } from "../domain/cardNumber.ts"
import { CARD_REFUSED, cardPointersIn } from "../domain/cardPointers.ts"
import { MerchantId } from "../domain/identifiers.ts"
import { readJson } from "../domain/json.ts"
import { isStorable, storable } from "../domain/text.ts"
import type { MessageOf } from "./actor.ts"
import { jsonOf } from "./draft.ts"
import {
  type Decoder,
  decodersOf,
  generationOf,
  generationsIn,
  isNewer,
  type MessageSchemas,
  NewerMessage
} from "./evolution.ts"
import type { Opened, Readable, Unreadable } from "./opened.ts"
import { CONFIGURE, Header, type Letter, UNPARK } from "./letter.ts"
import { decodeOrder } from "./order.ts"
import type { AnyKeyed } from "./registry.ts"

/** Of what somebody wrote where a generation belongs. */
const SCHEMA_CHARACTERS_MAX = 20

const utf8 = new TextDecoder("utf-8", { fatal: true })

const parse = (body: Uint8Array): Result.Result<unknown, string> => {
  let text: string
  try {
    text = utf8.decode(body)
  } catch {
    return Result.fail("not JSON: unreadable")
  }
  return Result.mapError(
    readJson(text),
    ({ detail, pointer }) => pointer === "" ? detail : `${withoutLongNumbers(pointer)} ${detail}`
  )
}

const isMerchant = Schema.is(MerchantId)

/** Compiles an actor's decoders once. Commands are read strictly; messages of actors may grow. */
export const opener = (actor: AnyKeyed, partitions: number) => {
  const { changes, messages } = actor
  const taken = Object.entries(messages).filter(([type]) => actor.ingress.includes(type))
  const strict = decodersOf(Object.fromEntries(taken) as MessageSchemas, changes, {
    onExcessProperty: "error"
  })
  const lenient = decodersOf(messages, changes)
  const generation = generationOf(changes)
  const reconfigure = configurer(actor)

  return (letter: Letter): Opened => {
    // Producers may write any generation: what is not known of them is refused, never waited for.
    if (letter.origin === "ingress" && !strict.has(letter.type)) {
      return { _tag: "Unreadable", letter, malformed: untaken(actor, strict, letter.type) }
    }
    if (letter.origin === "ingress" && !isMerchant(letter.merchant)) {
      return { _tag: "Unreadable", letter, malformed: "the subject names no possible merchant" }
    }
    if (letter.origin === "ingress" && !isInPlace(letter.subject, letter.merchant, partitions)) {
      return {
        _tag: "Unreadable",
        letter,
        malformed: "the subject names another partition than its merchant's"
      }
    }
    const parsed = letter.parsed === undefined ? parse(letter.body) : Result.succeed(letter.parsed)
    if (Result.isFailure(parsed)) return { _tag: "Unreadable", letter, malformed: parsed.failure }
    if (letter.type === CONFIGURE) return reconfigure(letter, parsed.success)
    if (letter.origin === "operator") {
      const order = decodeOrder(parsed.success)
      return Result.isFailure(order)
        ? { _tag: "Unreadable", letter, malformed: order.failure }
        : { _tag: "Ordered", letter, order: order.success }
    }
    if (letter.type === UNPARK && letter.origin === "timer") {
      const { key } = parsed.success as { key: string }
      return {
        _tag: "Woken",
        letter,
        wakes: { merchant: letter.merchant, actorKey: key },
        behind: [],
        max: 0
      }
    }
    const decoder = (letter.origin === "ingress" ? strict : lenient).get(letter.type)
    if (decoder === undefined) {
      if (isNewer(letter.type, generation)) {
        throw new NewerMessage(
          `${letter.type} at ${letter.seq} is newer than generation ${generation} of ${actor.family}`
        )
      }
      return { _tag: "Unreadable", letter, malformed: `unknown type ${letter.type}` }
    }
    const decoded = decoder.decode(parsed.success)
    if (Result.isFailure(decoded)) {
      // Names of members that the schema does not know are repeated in its message.
      return { _tag: "Unreadable", letter, malformed: withoutLongNumbers(decoded.failure.message) }
    }
    const [card] = letter.origin === "ingress" ? cardPointersIn(parsed.success) : []
    if (card !== undefined) {
      return {
        _tag: "Unreadable",
        letter,
        malformed: `${withoutLongNumbers(card)}: ${CARD_REFUSED}`
      }
    }
    const message = { type: decoder.type, body: decoded.success } as MessageOf<MessageSchemas>
    return withKeys(actor, letter, message)
  }
}

/** Why a producer's command has no decoder: nobody knows it, or not in this generation. */
const untaken = (
  { family, ingress }: AnyKeyed,
  decoders: ReadonlyMap<string, Decoder>,
  name: string
): string => {
  const [, type = name, schema = ""] = /^([^@]+)@(.*)$/s.exec(name) ?? []
  return ingress.includes(type)
    ? `${type} has no schema ${
      JSON.stringify(storable(schema.slice(0, SCHEMA_CHARACTERS_MAX)))
    }: ` +
      `its generations are ${
        generationsIn(decoders, type).join(", ")
      } (the header ${Header.schema})`
    : `${family} takes no such command`
}

/** Reads a change of configuration: one that makes no sense is refused by its fields. */
const configurer = ({ config: { given, schema } }: AnyKeyed) => {
  const decode = Schema.decodeUnknownResult(given ?? schema, { errors: "all" })
  return (letter: Letter, change: unknown): Opened => {
    const { config, version } = (change ?? {}) as { config?: unknown; version?: unknown }
    if (typeof version !== "number") {
      return { _tag: "Unreadable", letter, malformed: "a change without a version" }
    }
    const value = decode(config)
    return Result.isSuccess(value)
      ? {
        _tag: "Reconfigure",
        letter,
        config: { version, value: value.success, json: jsonOf(config) }
      }
      : {
        _tag: "Unreadable",
        letter,
        malformed: `not a configuration: ${withoutLongNumbers(value.failure.message)}`
      }
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
      ? { _tag: "Readable", letter, message, keys }
      : { _tag: "Unreadable", letter, malformed: "it names a key that cannot be stored" }
  } catch {
    return { _tag: "Unreadable", letter, malformed: "its key cannot be told" }
  }
}
