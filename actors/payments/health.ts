import type { Health } from "../../streams/messages/routing.ts"

/** How many charges a gateway got lately that ended, or stand, like this. */
export interface ChargeCount {
  readonly gateway: string
  readonly status: string
  readonly code: string | null
  readonly count: number
}

/** Fewer say nothing. */
const DECIDED_MIN = 20
const TRIED_MIN = 5
/** Coarse steps: every change is a message to every partition. */
const STEP_PERMILLE = 50
const DOWN_SHARE = 0.8

const isUnreached = ({ code, status }: ChargeCount): boolean =>
  status === "deferred" || code === "gateway_not_reached"

/**
 * A gateway is down when most charges did not reach it. Then payments go elsewhere first, nobody tries
 * it, what was counted ages, and it is tried again: no probe of its own is needed.
 */
export const healthOf = (counts: ReadonlyArray<ChargeCount>): Readonly<Record<string, Health>> =>
  Object.fromEntries(
    [...Map.groupBy(counts, ({ gateway }) => gateway)].sort(([one], [other]) =>
      one < other ? -1 : 1
    ).map((
      [gateway, all]
    ) => {
      const sum = (of: (one: ChargeCount) => boolean) =>
        all.filter(of).reduce((total, { count }) => total + count, 0)
      const unreached = sum(isUnreached)
      const tried = sum(({ status }) => status !== "sent")
      const approved = sum(({ status }) => status === "approved")
      const decided = approved + sum(({ status }) => status === "declined")
      const steps = Math.round((1_000 * approved) / Math.max(1, decided) / STEP_PERMILLE)
      return [gateway, {
        down: tried >= TRIED_MIN && unreached >= DOWN_SHARE * tried,
        ...(decided >= DECIDED_MIN && { success_permille: steps * STEP_PERMILLE })
      }]
    })
  )
