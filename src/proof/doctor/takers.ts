import { Effect } from "effect"
import { leaseKeys, leaseNow, leasesClock } from "../../bus/holder.ts"
import { ableMembers } from "../../runtime/membership.ts"
import { MEMBER } from "../../runtime/placement.ts"
import type { Finding } from "./diagnosis.ts"
import type { Patient } from "./patient.ts"

/** Who would take over: of each keyed family, how many workers that live run it. */
export const examineTakers = Effect.fnUntraced(function* (
  { mailboxes, nc }: Patient
): Effect.fn.Return<Finding> {
  const asked = yield* Effect.result(saidByMembers(nc))
  if (asked._tag === "Failure") return finding("unknown", asked.failure.message)
  const said = asked.success
  const alone = mailboxes.filter(({ kind }) => kind === "keyed").map(({ family }) => {
    const able = ableMembers([...said.keys()], (member) => said.get(member)!, family, "")
    return { family, workers: able.length }
  }).filter(({ workers }) => workers < 2)
  return alone.length === 0
    ? finding("good", `${said.size} workers, two or more for each family`)
    : {
      ...finding("poor", alone.map(({ family, workers }) => `${family} has ${workers}`).join(", ")),
      advice: "nobody takes over from a single worker: run two of each family",
      withholds: ["G8"]
    }
})

/** What each worker says of itself, by the key it says it under. */
export const saidByMembers = Effect.fnUntraced(function* (nc: Patient["nc"]) {
  const said = new Map<string, string>()
  const clock = yield* leasesClock(nc)
  for (const key of yield* leaseKeys(nc, MEMBER)) {
    const { holder: words } = yield* leaseNow(nc, key, clock)
    if (words !== "") said.set(key, words)
  }
  return said
})

const finding = (verdict: Finding["verdict"], found: string): Finding => ({
  area: "workers",
  check: "who would take over",
  verdict,
  found,
  undermines: ["G8"]
})
