import { Effect } from "effect"
import { mayPublish } from "../../bus/probe.ts"
import type { Finding } from "./diagnosis.ts"
import type { Identity, Patient } from "./patient.ts"

/** What each identity can do is tried, without anything being stored. */
export const examineIdentities = ({ identities }: Patient) =>
  Effect.forEach(identities, examineOne, { concurrency: "unbounded" })

const examineOne = Effect.fnUntraced(function* (
  { must, mustNot, name, nc }: Identity
): Effect.fn.Return<Finding> {
  const finding = (verdict: Finding["verdict"], found: string, advice?: string): Finding => ({
    area: "identities",
    check: name,
    verdict,
    found,
    ...(advice !== undefined && { advice }),
    undermines: ["G3", "G4", "G5"]
  })
  if (nc === undefined) return finding("unknown", "it cannot connect with its credentials")
  const denied: Array<string> = []
  const allowed: Array<string> = []
  for (const subject of must) {
    if (!(yield* mayPublish(nc, subject))) denied.push(subject)
  }
  for (const subject of mustNot) {
    if ((yield* mayPublish(nc, subject)) !== false) allowed.push(subject)
  }
  if (allowed.length > 0) {
    return finding(
      "bad",
      `it may publish on ${allowed.join(", ")}`,
      "give it the permissions of streams/users.ts: it could forge what only actors may write"
    )
  }
  return denied.length > 0
    ? finding("bad", `it may not publish on ${denied.join(", ")}`, "see streams/users.ts")
    : finding(
      "good",
      `it may do what it needs, and was denied ${mustNot.length} of what it must not`
    )
})
