import { Result, Schema } from "effect"

type Codec = Schema.Codec<unknown, unknown>

/** A family's messages by type, as they are now. */
export type MessageSchemas = Readonly<Record<string, Codec>>

/** One change of one message type. */
interface Change {
  /** The generation of the family's messages that brought it: above every earlier one of the family. */
  readonly generation: number
  /** How bodies were before, and what such a body becomes. Absent where the type is new. */
  readonly before?: { readonly schema: Codec; readonly upcast: (old: never) => unknown }
}

/** What changed in a family's messages, oldest change first. Types that are as they ever were stand nowhere. */
export type MessageChanges = Readonly<Record<string, ReadonlyArray<Change>>>

/** `upcast` makes the JSON of the present shape, or of the shape before the next change. */
export const changed = <Old>(
  generation: number,
  schema: Schema.Codec<Old, unknown>,
  upcast: (old: Old) => unknown
): Change => ({ generation, before: { schema: schema as Codec, upcast } })

/** A type that older workers have never heard of. */
export const introduced = (generation: number): Change => ({ generation })

/** What the family's messages are at: a worker reads everything up to its own. */
export const generationOf = (changes: MessageChanges | undefined): number =>
  Math.max(1, ...Object.values(changes ?? {}).flat().map(({ generation }) => generation))

/**
 * A type as it is written, and its generation with it: `score` is the first, `score@3` came with the
 * third. Whoever knows the name reads it by one look into a table, so a version costs nothing.
 */
const wireName = (type: string, generation: number): string =>
  generation === 1 ? type : `${type}@${generation}`

/** The names under which a family's present messages are written, where they are not their types. */
export type WireNames = ReadonlyMap<string, ReadonlyMap<string, string>>

export const wireNamesOf = (
  families: ReadonlyArray<readonly [family: string, changes: MessageChanges]>
): WireNames =>
  new Map(
    families.map(([family, changes]) => [
      family,
      new Map(
        Object.entries(changes).map(([type, known]) => [
          type,
          wireName(type, known.at(-1)!.generation)
        ])
      )
    ])
  )

export const nameIn = (names: WireNames | undefined, family: string, type: string): string =>
  names?.get(family)?.get(type) ?? type

/** A command's name on the wire: its subject says the type, and a header the generation. */
export const commandName = (type: string, generation: string | undefined): string =>
  generation === undefined || generation === "1" ? type : `${type}@${generation}`

/** Written by a newer worker, in a shape this one cannot know. */
export class NewerMessage extends Error {
  readonly _tag = "NewerMessage"
}

/** Whether a name nobody here knows can only come from newer code. */
export const isNewer = (name: string, generation: number): boolean =>
  Number(/@(\d{1,9})$/.exec(name)?.[1] ?? 0) > generation

export interface Decoder {
  readonly type: string
  readonly decode: (body: unknown) => Result.Result<unknown, { readonly message: string }>
}

type Options = NonNullable<Parameters<typeof Schema.decodeUnknownResult>[1]>

/** Decoders of every name a family's messages have, or ever had. */
export const decodersOf = (
  messages: MessageSchemas,
  changes: MessageChanges | undefined,
  options: Options = {}
): ReadonlyMap<string, Decoder> => {
  const decoders = new Map<string, Decoder>()
  for (const [type, schema] of Object.entries(messages)) {
    const known = changes?.[type] ?? []
    const present = Schema.decodeUnknownResult(schema as Codec, options)
    decoders.set(wireName(type, known.at(-1)?.generation ?? 1), { type, decode: present })
    for (const [index, { before }] of known.entries()) {
      if (before === undefined) continue
      const generation = known[index - 1]?.generation ?? 1
      const decode = upcasting(known.slice(index), schema as Codec, options)
      decoders.set(wireName(type, generation), { type, decode })
    }
  }
  return decoders
}

/** The generations in which a type may be written. */
export const generationsIn = (
  decoders: ReadonlyMap<string, Decoder>,
  type: string
): ReadonlyArray<number> =>
  [...decoders].filter(([, decoder]) => decoder.type === type)
    .map(([name]) => Number(name.slice(type.length + 1) || 1))
    .sort((left, right) => left - right)

/** Reads the oldest shape as strictly as the present one would be read, then goes from shape to shape. */
const upcasting = (
  steps: ReadonlyArray<Change>,
  present: Codec,
  options: Options
): Decoder["decode"] => {
  const shapes = [...steps.map(({ before }) => before!.schema), present]
  const decoders = shapes.map((shape, index) =>
    Schema.decodeUnknownResult(shape, index === 0 ? options : {})
  )
  return (body) => {
    let raw = body
    for (const [index, step] of steps.entries()) {
      const old = decoders[index]!(raw)
      if (Result.isFailure(old)) return old
      try {
        raw = step.before!.upcast(old.success as never)
      } catch {
        return Result.fail({ message: "it could not be brought to the present shape" })
      }
    }
    return decoders.at(-1)!(raw)
  }
}
