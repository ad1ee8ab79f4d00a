import { Effect } from "effect"
import { ableMembers } from "../../runtime/membership.ts"
import { saidByMembers, strangersAmong } from "../../runtime/strangers.ts"
import type { Finding } from "./diagnosis.ts"
import type { Patient } from "./patient.ts"

/** Who would take over: of each keyed mailbox, how many workers that live run it. And who must not. */
export const examineTakers = Effect.fnUntraced(function* (
  patient: Patient
): Effect.fn.Return<ReadonlyArray<Finding>> {
  const asked = yield* Effect.result(saidByMembers(patient.nc))
  if (asked._tag === "Failure") return [finding("unknown", asked.failure.message)]
  return [takers(patient, asked.success), strangers(patient, asked.success)]
})

type Said = ReadonlyMap<string, string>

/** A release that knows nothing of the number of partitions, or was told another one. */
const strangers = ({ partitions }: Patient, said: Said): Finding => {
  const others = strangersAmong(said, partitions)
    .map((one) => `${one.worker} reckons with ${one.partitions}`)
  return {
    ...finding(
      others.length > 0 ? "bad" : "good",
      others.length > 0
        ? `${others.join(", ")}; the deployment has ${partitions}`
        : `all reckon with ${partitions} partitions`
    ),
    check: "number of partitions",
    ...(others.length > 0 && {
      advice:
        "it owns nothing here, and what it or an edge of its release publishes may lie where " +
        "nobody reads: stop it (docs/upgrades.md)"
    }),
    undermines: ["G2", "G3", "G8"]
  }
}

const takers = ({ mailboxes, partitions }: Patient, said: Said): Finding => {
  const alone = mailboxes.filter(({ kind }) => kind === "keyed").map(({ families, mailbox }) => {
    const able = ableMembers(
      [...said.keys()],
      (member) => said.get(member)!,
      families,
      "",
      partitions
    )
    return { mailbox, workers: able.length }
  }).filter(({ workers }) => workers < 2)
  return alone.length === 0
    ? finding("good", `${said.size} workers, two or more for each mailbox`)
    : {
      ...finding(
        "poor",
        alone.map(({ mailbox, workers }) => `${mailbox} has ${workers}`).join(", ")
      ),
      advice: "nobody takes over from a single worker: run two of each",
      withholds: ["G8"]
    }
}

const finding = (verdict: Finding["verdict"], found: string): Finding => ({
  area: "workers",
  check: "who would take over",
  verdict,
  found,
  undermines: ["G8"]
})
