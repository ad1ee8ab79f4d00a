import type { Received } from "../../src/runtime/actor.ts"

/** What a decision knows of its message, for one that never was in a mailbox. */
export const receivedOf = <Config>(
  given:
    & Pick<Received<Config>, "family" | "seq" | "type" | "at" | "config">
    & Partial<Received<Config>>
): Received<Config> => ({
  partition: 0,
  merchant: "acme",
  cause: `${given.partition ?? 0}.${given.seq}`,
  keys: ["unused"],
  replyTo: undefined,
  ...given
})
