import type { Bench } from "./parts.ts"
import type { Figures } from "./figures.ts"
import type { Throughput } from "./load.ts"
import { residentMebibytes } from "./processors.ts"

/** Looked at after every so many payments, or after a tenth of a shorter run. */
const STEP_PAYMENTS_MAX = 100_000

/** A long run: does it stay as small and as fast as it was after the first step? */
export const soak = async (
  { lastro, loader, say }: Bench,
  { inFlight, payments }: { readonly inFlight: number; readonly payments: number }
): Promise<Figures> => {
  const step = Math.min(STEP_PAYMENTS_MAX, Math.ceil(payments / 10))
  const walk = async () => {
    const { perSecond } = await loader.run<Throughput>({
      _tag: "Throughput",
      options: { payments: step, inFlight }
    })
    return { perSecond, memory: residentMebibytes(lastro.pid) }
  }
  const early = await walk()
  let [late, done] = [early, step]
  for (;;) {
    say(`after ${done}: ${late.memory} MiB, ${Math.round(late.perSecond)} payments/s`)
    if (done >= payments) break
    ;[late, done] = [await walk(), done + step]
  }
  return {
    soak_payments: done,
    soak_early_payments: step,
    memory_early_mib: early.memory,
    memory_end_mib: late.memory,
    memory_growth: late.memory / early.memory - 1,
    payments_per_second_early: early.perSecond,
    payments_per_second_end: late.perSecond,
    soak_speed_ratio: late.perSecond / early.perSecond
  }
}
