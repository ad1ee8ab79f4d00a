import { Effect } from "effect"
import { leaseSkewMillis } from "../../bus/holder.ts"
import { MEMBER } from "../../runtime/placement.ts"
import { saidByMembers } from "../../runtime/strangers.ts"
import type { Finding } from "./diagnosis.ts"
import type { Patient } from "./patient.ts"

/** A lease may be that long on its way to the disk of a busy server: less says nothing of a clock. */
const SKEW_POOR_MILLIS = 1_500
/** Beyond it a gateway's "never heard of it" could be taken for final too early. */
const SKEW_BAD_MILLIS = 5_000

/** Every worker's clock against the servers', by what it writes into its lease several times a second. */
export const examineWorkerClocks = Effect.fnUntraced(function* (
  { nc }: Pick<Patient, "nc">
): Effect.fn.Return<Finding> {
  const asked = yield* Effect.result(
    Effect.flatMap(
      saidByMembers(nc),
      (said) =>
        Effect.forEach([...said.keys()], (key) =>
          Effect.map(
            leaseSkewMillis(nc, key),
            (skew) => ({ name: key.slice(MEMBER.length), skew })
          ))
    )
  )
  if (asked._tag === "Failure") return finding("unknown", asked.failure.message)
  const told = asked.success.filter(({ skew }) => skew !== undefined)
  const worst = Math.max(0, ...told.map(({ skew }) => Math.abs(skew!)))
  const off = told.filter(({ skew }) => Math.abs(skew!) > SKEW_POOR_MILLIS)
  const silent = asked.success.length - told.length
  const older = silent === 0 ? "" : `; ${silent} of an older version do not tell theirs`
  return off.length === 0
    ? finding("good", `${told.length} workers within ${Math.round(worst)} ms of NATS${older}`)
    : {
      ...finding(
        worst > SKEW_BAD_MILLIS ? "bad" : "poor",
        off.map(({ name, skew }) =>
          `${name} is ${Math.round(Math.abs(skew!))} ms ${skew! > 0 ? "ahead of" : "behind"} NATS`
        ).join("; ") + older
      ),
      advice: "keep its machine's clock by NTP"
    }
})

const finding = (verdict: Finding["verdict"], found: string): Finding => ({
  area: "clocks",
  check: "workers",
  verdict,
  found,
  undermines: ["M2"]
})
