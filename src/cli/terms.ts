import * as fs from "node:fs"
import { Effect, Result, Schema, SchemaIssue } from "effect"
import { defaultTerms, Terms } from "../../actors/payments/state.ts"
import type { Routing } from "../../streams/messages/routing.ts"
import { open } from "../bus/connection.ts"
import { type Stack, StackError } from "../stack/stack.ts"
import { Database } from "../store/database.ts"
import type { Environment } from "./commands.ts"
import { changeConfiguration } from "./configuration.ts"

const { authorization_seconds, fee, fees, fx, payouts } = Terms.fields

/** What payments cost and when money is paid out: `LASTRO_TERMS_FILE`. What it leaves out is the default. */
export const TermsFile = Schema.Struct({
  fee: Schema.optionalKey(fee),
  fees,
  payouts,
  authorization_seconds,
  fx
})
export type TermsFile = typeof TermsFile.Type

const decode = Schema.decodeUnknownResult(TermsFile, { errors: "all", onExcessProperty: "error" })
const format = SchemaIssue.makeFormatterStandardSchemaV1()

/** The file named by the environment, checked; nothing where none is named. */
export const configuredTerms = (environment: Environment): TermsFile => {
  const file = environment["LASTRO_TERMS_FILE"]
  if (file === undefined || file === "") return {}
  const wrong = (detail: string) => new StackError(`LASTRO_TERMS_FILE ${file} ${detail}.`)
  let json: unknown
  try {
    json = JSON.parse(fs.readFileSync(file, "utf8"))
  } catch (error) {
    throw wrong(error instanceof SyntaxError ? "is not JSON" : "cannot be read")
  }
  const decoded = decode(json)
  if (Result.isSuccess(decoded)) return decoded.success
  const [first] = format(decoded.failure.issue).issues
  const path = (first?.path ?? []).map((part) => String(typeof part === "object" ? part.key : part))
  throw wrong(`is not valid at ${path.join(".") || "the top"}: ${first?.message}`)
}

const encode = Schema.encodeSync(Terms)

/**
 * Makes this the table that payments are routed by and these the terms they are made under, from the
 * next payment on: one atomic batch with one message for each partition (docs/protocol.md §8). Nothing is sent
 * where they hold already. What the callers of gateways report of their health stays.
 */
export const publishTerms = async (
  stack: Stack,
  routing: Routing,
  terms: TermsFile
): Promise<void> => {
  const wanted = encode({ ...defaultTerms, ...terms, routing })
  const { password, user } = stack.nats.admin
  await Effect.runPromise(Effect.scoped(
    open({ urls: stack.natsUrls, user, password, name: "lastro-terms" }).pipe(
      Effect.flatMap((link) =>
        changeConfiguration(link, "payments", (doc = encode(defaultTerms)) => {
          const { health } = doc as { readonly health?: unknown }
          return { ...wanted, ...(health !== undefined && { health }) }
        })
      ),
      Effect.provide(Database.layerOf(stack.databaseUrl, 1))
    )
  ))
}
