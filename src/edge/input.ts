import { Effect, Result, Schema, SchemaIssue } from "effect"
import { CARD_REFUSED, cardPointersIn, escaped } from "../domain/cardPointers.ts"
import { type JsonFault, readJson } from "../domain/json.ts"
import { type FieldError, problem } from "./problem.ts"
import type { Route } from "./route.ts"
import { declaredName } from "./search.ts"

const BODY_BYTES_MAX = 128 * 1024
/** A body arrives within this time, and a large one at least at the rate below. Then it is 408. */
const BODY_MILLIS_MAX = 5_000
const BODY_BYTES_PER_MILLI_MIN = 1_000
const ERRORS_SHOWN_MAX = 20
const POINTER_CHARACTERS_MAX = 200

const pointer = (path: ReadonlyArray<PropertyKey | { readonly key: PropertyKey }>): string =>
  path.map((part) => {
    const key = typeof part === "object" ? part.key : part
    return `/${escaped(String(key))}`
  }).join("").slice(0, POINTER_CHARACTERS_MAX)

/** Words for whoever wrote the body, where the library speaks of its keys and properties. */
const format = SchemaIssue.makeFormatterStandardSchemaV1({
  leafHook: (issue) =>
    issue._tag === "MissingKey"
      ? "is missing"
      : issue._tag === "UnexpectedKey"
      ? "is no member that there may be here"
      : SchemaIssue.defaultLeafHook(issue)
})

const fieldErrors = (error: Schema.SchemaError, prefix = ""): ReadonlyArray<FieldError> =>
  format(error.issue).issues.slice(0, ERRORS_SHOWN_MAX).map((issue) => ({
    pointer: prefix + pointer(issue.path ?? []),
    detail: issue.message.slice(0, 300)
  }))

/** Reads at most what the route takes; what is more ends the request. */
export const readText = (route: Route, request: Request) =>
  Effect.tryPromise({
    try: async () => {
      const most = route.text?.bytesMax ?? BODY_BYTES_MAX
      if (Number(request.headers.get("content-length") ?? 0) > most) throw new TooLarge(most)
      if (request.body === null) return ""
      const body = await arrived(request.body, most)
      return new TextDecoder("utf-8", { fatal: true }).decode(body)
    },
    catch: (error) =>
      error instanceof TooLarge
        ? problem("too_large", `the body has at most ${error.bytes} bytes`)
        : error instanceof TooSlow
        ? problem("too_slow", `the body took more than ${error.millis} ms to arrive`)
        : problem("unreadable_body", "the body is not UTF-8 text")
  })

/** Who sends a byte now and then must not hold a request for as long as they like. */
const arrived = async (body: ReadableStream<Uint8Array>, most: number): Promise<Buffer> => {
  const millis = BODY_MILLIS_MAX + Math.round(most / BODY_BYTES_PER_MILLI_MIN)
  const chunks: Array<Uint8Array> = []
  let bytes = 0
  const reader = body.getReader()
  let late: TooSlow | undefined
  const deadline = setTimeout(() => {
    late = new TooSlow(millis)
    reader.cancel(late).catch(() => {})
  }, millis)
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (late !== undefined) throw late
      if (done) return Buffer.concat(chunks)
      bytes += value.length
      if (bytes > most) throw new TooLarge(most)
      chunks.push(value)
    }
  } finally {
    clearTimeout(deadline)
  }
}

class TooSlow extends Error {
  readonly millis: number
  constructor(millis: number) {
    super("too slow")
    this.millis = millis
  }
}

class TooLarge extends Error {
  readonly bytes: number
  constructor(bytes: number) {
    super("too large")
    this.bytes = bytes
  }
}

const decoders = new WeakMap<
  object,
  (input: unknown) => Result.Result<unknown, Schema.SchemaError>
>()

const decoderOf = (schema: Schema.Codec<unknown, unknown>) => {
  const known = decoders.get(schema)
  if (known !== undefined) return known
  const made = Schema.decodeUnknownResult(schema, {
    errors: "all",
    onExcessProperty: "error"
  })
  decoders.set(schema, made)
  return made
}

const unreadable = ({ detail, pointer, reason }: JsonFault) => {
  switch (reason) {
    case "unreadable":
      return problem("not_json", "the body is not JSON")
    case "too_deep":
      return problem("too_deep", `the body is ${detail}`)
    case "repeated":
    case "inexact":
      return problem("invalid", "the body is not valid", {
        errors: [{ pointer: pointer.slice(0, POINTER_CHARACTERS_MAX), detail }]
      })
  }
}

export const decodeBody = Effect.fnUntraced(function* (route: Route, text: string) {
  if (route.body === undefined) return { body: undefined, json: undefined }
  const read = text.trim() === "" ? Result.succeed({}) : readJson(text)
  if (Result.isFailure(read)) return yield* unreadable(read.failure)
  const json = read.success
  const decoded = decoderOf(route.body)(json)
  const errors = [
    ...(Result.isFailure(decoded) ? fieldErrors(decoded.failure) : []),
    ...cardPointersIn(json).map((pointer) => ({
      pointer: pointer.slice(0, POINTER_CHARACTERS_MAX),
      detail: CARD_REFUSED
    }))
  ]
  if (Result.isFailure(decoded) || errors.length > 0) {
    return yield* problem("invalid", "the body is not valid", {
      errors: errors.slice(0, ERRORS_SHOWN_MAX)
    })
  }
  return { body: decoded.success, json }
})

export const decodeQuery = Effect.fnUntraced(function* (
  route: Route,
  given: Readonly<Record<string, ReadonlyArray<string>>>
) {
  const query: Record<string, string> = {}
  for (const [name, [value, ...more]] of Object.entries(given)) {
    const key = declaredName(name) ?? ""
    const declared = route.query?.[key]
    if (declared === undefined || !Object.hasOwn(route.query!, key)) {
      return yield* problem("unknown_parameter", `there is no parameter ${name.slice(0, 60)}`)
    }
    if (more.length > 0) {
      return yield* problem("repeated_parameter", `${name.slice(0, 60)} stands twice`)
    }
    const decoded = decoderOf(declared.schema)(value)
    if (Result.isFailure(decoded)) {
      return yield* problem("invalid", `${name} is not valid`, {
        errors: fieldErrors(decoded.failure, `/${name}`)
      })
    }
    query[name] = value!
  }
  return query
})
