import { paymentIdOf } from "../../domain/identifiers.ts"
import type { CommandLog } from "./commandLog.ts"
import type { House } from "./house.ts"
import type { Plan } from "./traffic.ts"
import { type Caller, rest } from "./ways.ts"

const LOOK_EVERY_MILLIS = 500

interface Reviewer {
  readonly decided: () => number
  readonly stop: () => Promise<void>
}

/** A person at the review queue: looks, decides each held payment once, looks again. */
export const startReviewer = (
  house: House,
  caller: Caller,
  log: CommandLog,
  plans: ReadonlyArray<Plan>
): Reviewer => {
  const planOf = new Map(
    plans.map((plan) => [paymentIdOf(plan.merchant, plan.commandId) as string, plan])
  )
  const decided = new Set<string>()
  let going = true

  const look = async () => {
    const { data } = await house.ask<{
      data: ReadonlyArray<{ payment_id: string; merchant: string }>
    }>("/v1/fraud/reviews")
    const fresh = data.filter(({ payment_id }) => !decided.has(payment_id))
    await Promise.all(fresh.map(async ({ merchant, payment_id }) => {
      decided.add(payment_id)
      const command = {
        type: "review" as const,
        merchant,
        id: `review-${payment_id}`,
        paymentId: payment_id,
        body: { decision: planOf.get(payment_id)?.story.review ?? "approve" }
      }
      log.add(caller.way, command, await caller.send(command))
    }))
  }
  const loop = async () => {
    while (going) {
      await look()
      await rest(LOOK_EVERY_MILLIS)
    }
  }
  const running = loop()
  // Whoever stops it hears of its failure; until then nobody listens.
  running.catch(() => {})
  return {
    decided: () => decided.size,
    stop: async () => {
      going = false
      await running
    }
  }
}
