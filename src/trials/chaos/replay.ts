import { keyedActors } from "../../../actors/register.ts"
import { PARTITIONS } from "../../../streams/mailboxes.ts"
import { addressingOf } from "../../../streams/places.ts"
import { canonicalJson } from "../../domain/canonicalJson.ts"
import { emptyDraft } from "../../runtime/draft.ts"
import { fold } from "../../runtime/fold.ts"
import { opener } from "../../runtime/opener.ts"
import type { Letter } from "../../runtime/letter.ts"
import type { AnyKeyed } from "../../runtime/registry.ts"
import { lettersOf, type Violations } from "./promises.ts"
import type { ChaosRecord } from "./record.ts"

/**
 * G3, the whole of it: deciding each mailbox once more, one message after the other in the order in
 * which it stands, gives the digests and the states that were stored.
 */
export const differencesFromReplay = (record: ChaosRecord): Violations => {
  if (record.parked > 0) return [`${record.parked} keys are parked: nothing was to fail here`]
  const wrong: Array<string> = []
  const letters = lettersOf(record)
  for (const { digest, family, partition } of record.cursors) {
    const actor = keyedActors.find((one) => one.family === family)!
    const end = decided(actor, partition, letters.get(`${family}.${partition}`) ?? [])
    if (end.digest !== digest) {
      wrong.push(`${family}.${partition}: its mailbox decided in order ends elsewhere`)
    }
    if (family !== "payments") continue
    for (const [id, json] of end.states) {
      const doc = record.states.get(id)
      if (doc === undefined || canonicalJson(doc) !== json) {
        wrong.push(`${id} is not what its messages in order make of it`)
      }
    }
  }
  return wrong
}

const decided = (actor: AnyKeyed, partition: number, letters: ReadonlyArray<Letter>) => {
  const open = opener(actor, PARTITIONS)
  const draft = emptyDraft(0, "")
  fold(
    {
      actor,
      addressing: addressingOf(actor.family, partition),
      partition,
      committed: () => undefined,
      parked: new Map(),
      config: { version: 0, value: actor.config.initial },
      failures: new Map(),
      defects: new Map()
    },
    letters.map(open),
    draft
  )
  return {
    digest: draft.digest,
    states: [...draft.states].map(([id, { json }]) => [id, json] as const)
  }
}
