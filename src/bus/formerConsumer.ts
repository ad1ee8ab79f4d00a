import { Effect } from "effect"
import { request } from "./api.ts"
import type { BusClient } from "./connection.ts"

/** The server that holds a consumer answers its deletion; nobody waits for one that is gone. */
const DELETE_TIMEOUT_MILLIS = 500

/**
 * Ends the pulls of a partition's former owner early, while the new one still reads where it stands.
 * Whoever opens the reader deletes it again, which costs little where nothing is there, so a failure
 * here is none.
 */
export const dropConsumer = (
  nc: BusClient,
  stream: string,
  consumer: string
): Effect.Effect<void> =>
  Effect.ignore(
    request(nc, `CONSUMER.DELETE.${stream}.${consumer}`, undefined, DELETE_TIMEOUT_MILLIS)
  )
