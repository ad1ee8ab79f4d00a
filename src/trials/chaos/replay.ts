import { keyedActors } from "../../../actors/register.ts"
import { mailboxes } from "../../../streams/mailboxes.ts"
import { addressingOf } from "../../../streams/places.ts"
import { canonicalJson } from "../../domain/canonicalJson.ts"
import { decidedOnce } from "../../proof/replay/decidedOnce.ts"
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
    const members = mailboxes.find(({ mailbox }) => mailbox === family)!.families
    const end = decidedOnce(
      keyedActors.filter((actor) => members.some((member) => member === actor.family)),
      addressingOf(family, partition),
      letters.get(`${family}.${partition}`) ?? []
    )
    if (end.digest !== digest) {
      wrong.push(`${family}.${partition}: its mailbox decided in order ends elsewhere`)
    }
    for (const [id, { json }] of end.kept.get("payments")?.states ?? []) {
      const doc = record.states.get(id)
      if (doc === undefined || canonicalJson(doc) !== json) {
        wrong.push(`${id} is not what its messages in order make of it`)
      }
    }
  }
  return wrong
}
