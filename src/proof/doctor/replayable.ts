import { Effect } from "effect"
import { streamFacts } from "../../bus/tail.ts"
import { checkpoints, reachOf } from "../../store/shadow.ts"
import type { Finding } from "./diagnosis.ts"
import type { Patient } from "./patient.ts"

/** A family can be replayed from its mailbox's beginning, or from a checkpoint that the mailbox reaches back to. */
export const examineReplays = Effect.fnUntraced(
  function* ({ db, mailboxes, nc }: Patient) {
    const [newest] = yield* Effect.promise(() => checkpoints(db))
    const reach = newest === undefined
      ? undefined
      : yield* Effect.promise(() => reachOf(db, newest))
    const lost: Array<string> = []
    for (const { kind, mailbox, stream } of mailboxes) {
      if (kind !== "keyed") continue
      const facts = yield* Effect.option(streamFacts(nc, stream))
      if (facts._tag === "None" || facts.value.firstSeq <= 1) continue
      if ((reach?.get(mailbox) ?? -1) + 1 < facts.value.firstSeq) lost.push(mailbox)
    }
    return [{
      area: "effects",
      check: "replays",
      verdict: lost.length > 0 ? "bad" : "good",
      found: lost.length > 0
        ? `${
          lost.join(", ")
        }: the mailbox no longer reaches back to its beginning or to a checkpoint`
        : `every family can be replayed${
          newest === undefined ? "" : `, newest checkpoint ${newest}`
        }`,
      ...(lost.length > 0 && { advice: "lastro checkpoint, regularly: once a max_age at least" }),
      undermines: ["G15"]
    }] satisfies ReadonlyArray<Finding>
  }
)
