import { Effect, Schema } from "effect"
import { GivenTerms } from "../../actors/payments/givenTerms.ts"
import { defaultTerms } from "../../actors/payments/terms.ts"
import type { Routing } from "../../streams/messages/routing.ts"
import { open } from "../bus/connection.ts"
import type { Stack } from "../stack/stack.ts"
import { Database } from "../store/database.ts"
import type { Environment } from "./environment.ts"
import { changeConfiguration } from "./configuration.ts"
import { readConfigured } from "./configuredFile.ts"

const { authorization_seconds, fee, fees, fx, payouts } = GivenTerms.fields

/** What payments cost and when money is paid out: `LASTRO_TERMS_FILE`. What it leaves out is the default. */
export const TermsFile = Schema.Struct({
  fee: Schema.optionalKey(fee),
  fees,
  payouts,
  authorization_seconds,
  fx
})
export type TermsFile = typeof TermsFile.Type

/** The file named by the environment, checked; nothing where none is named. */
export const configuredTerms = (environment: Environment): TermsFile => {
  const file = environment["LASTRO_TERMS_FILE"]
  return file === undefined || file === ""
    ? {}
    : readConfigured("LASTRO_TERMS_FILE", file, TermsFile)
}

const encode = Schema.encodeSync(GivenTerms)

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
