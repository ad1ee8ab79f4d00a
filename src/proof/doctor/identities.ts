import { Effect } from "effect"
import { mayPublish } from "../../bus/probe.ts"
import type { Finding } from "./diagnosis.ts"
import type { Identity, Patient } from "./patient.ts"

/** What each identity can do is tried, without anything being stored. */
export const examineIdentities = ({ identities }: Pick<Patient, "identities">) =>
  Effect.forEach(identities, examineOne, { concurrency: "unbounded" })

const examineOne = Effect.fnUntraced(function* (
  { merchant, must, mustNot, name, nc, refusal }: Identity
): Effect.fn.Return<Finding> {
  const finding = (verdict: Finding["verdict"], found: string, advice?: string): Finding => ({
    area: "identities",
    check: name,
    verdict,
    found,
    ...(advice !== undefined && { advice }),
    undermines: merchant !== undefined && verdict === "unknown" ? [] : ["G3", "G4", "G5"]
  })
  const printed = merchant === undefined
    ? "lastro users prints its permissions for this number of partitions"
    : `lastro users --merchant ${merchant} prints its permissions for this number of partitions`
  if (nc === undefined && merchant !== undefined) {
    return finding("unknown", `not examined: ${refusal}`, `give it to the servers: ${printed}`)
  }
  if (nc === undefined) {
    return finding(
      "unknown",
      `not examined: ${refusal}`,
      `give the doctor its password: LASTRO_NATS_${name.toUpperCase()}_PASSWORD, or a line ` +
        `"${name}" in LASTRO_NATS_PASSWORDS_FILE`
    )
  }
  const may = yield* Effect.forEach(
    [...must, ...mustNot],
    (subject) => Effect.map(mayPublish(nc, subject), (answer) => [subject, answer] as const)
  )
  const answers = new Map(may)
  const allowed = mustNot.filter((subject) => answers.get(subject) === true)
  if (allowed.length > 0) {
    return finding(
      "bad",
      `it may publish on ${allowed.join(", ")}`,
      `it could forge what only actors may write: ${printed}`
    )
  }
  const denied = must.filter((subject) => answers.get(subject) === false)
  if (denied.length > 0) {
    return finding("bad", `it may not publish on ${denied.join(", ")}`, printed)
  }
  const silent = may.filter(([, answer]) => answer === undefined).map(([subject]) => subject)
  return silent.length > 0
    ? finding("unknown", `nobody says whether it may publish on ${silent.join(", ")}`)
    : finding(
      "good",
      `it may do what it needs, and was denied ${mustNot.length} of what it must not`
    )
})
