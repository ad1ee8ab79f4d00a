import type { Lastro } from "../../house/lastro.ts"
import { judge } from "./checks.ts"
import { CommandLog } from "./commandLog.ts"
import { gather } from "./evidence.ts"
import { figuresOf, latenciesOf, webhooksHold } from "./figures.ts"
import { type House, openHouse } from "./house.ts"
import type { Progress } from "../progress.ts"
import { untilQuiet } from "./quiet.ts"
import { payOut } from "./payouts.ts"
import { startReviewer } from "./reviewer.ts"
import { reconcile } from "./settlement.ts"
import { showedAll, showGateways } from "./showcase.ts"
import { type Counter, play } from "./shopper.ts"
import { merchants, type Plan, trafficOf, type TrafficSettings } from "./traffic.ts"
import { moveMoney } from "./wallets.ts"
import { type Caller, overHttp, overNats, platformTypes, rest } from "./ways.ts"

export type DemoReport = Awaited<ReturnType<typeof runDemo>>

/** A day of a payment company in seconds: traffic, settlement, and what became of every promise. */
export const runDemo = async (lastro: Lastro, traffic: TrafficSettings, progress: Progress) => {
  const startedMillis = Date.now()
  const plans = trafficOf(traffic)
  progress.phase(`Opening accounts for ${merchants.length} merchants …`)
  const house = await openHouse(lastro)
  try {
    // Workers take their partitions one by one: what waits for that says nothing about latency.
    await untilQuiet(house, () => {})
    const log = new CommandLog()
    const callers = callersOf(house)
    progress.phase(
      `Sending ${plans.length} payments, ${traffic.rate} a second, over HTTP and NATS …`
    )
    await playAll(house, callers, log, plans, progress)
    progress.phase("Waiting for webhooks and mailboxes …")
    await untilQuiet(house, () => {})
    progress.phase("Reconciling with the gateway's settlement file …")
    const reconciliation = await reconcile(house, startedMillis)
    progress.phase("Moving some of it between wallets and currencies …")
    const moved = await moveMoney(house)
    progress.phase("Paying out what was settled …")
    const payouts = await payOut(house)
    await untilQuiet(house, () => {})
    progress.phase("Checking the promises …")
    const evidence = await gather(house, log, moved.ids)
    const figures = figuresOf(evidence)
    const promises = judge(evidence)
    progress.phase("Paying by Pix, and through an outage …")
    // After the evidence is gathered: these payments are not of the day's plan.
    const shown = await showGateways(house)
    const { invented, overlooked, planted } = reconciliation
    const kept = {
      promises: promises.every(({ holds }) => holds),
      // No fault planted would prove nothing.
      breaks: planted.length > 0 && overlooked.length === 0 && invented.length === 0,
      webhooks: webhooksHold(figures),
      payments: evidence.payments.length === plans.length,
      gateways: showedAll(shown),
      payouts: payouts.paid > 0 && payouts.against.length === 0,
      wallets: moved.sent > 0 && moved.converted > 0 && moved.against.length === 0
    }
    progress.end()
    return {
      seed: traffic.seed,
      payments: evidence.payments.length,
      planned: plans.length,
      merchants: merchants.length,
      rate: traffic.rate,
      seconds: (Date.now() - startedMillis) / 1_000,
      ...figures,
      repeats: log.repeats,
      sent_again: callers.reduce((sum, caller) => sum + caller.sentAgain(), 0),
      latency_millis: latenciesOf(log.waits),
      reconciliation,
      gateways: shown,
      moved,
      payouts,
      promises,
      kept,
      ok: Object.values(kept).every((one) => one)
    }
  } finally {
    progress.end()
    await house.close()
  }
}

const callersOf = (house: House): ReadonlyArray<Caller> => [
  overHttp(
    house.lastro.edge.url,
    ({ merchant, type }) => platformTypes.has(type) ? house.operatorKey : house.keyOf(merchant)
  ),
  overNats(house.producer)
]

/** Payments begin at their time, whatever became of those before: slow ones hold nobody up. */
const playAll = async (
  house: House,
  callers: ReadonlyArray<Caller>,
  log: CommandLog,
  plans: ReadonlyArray<Plan>,
  progress: Progress
): Promise<void> => {
  const counters = new Map(
    callers.map((caller) => [caller.way, { caller, log, look: house.look } satisfies Counter])
  )
  const reviewer = startReviewer(house, callers[0]!, log, plans)
  const failures: Array<unknown> = []
  const begun = performance.now()
  let started = 0
  let done = 0
  const tell = () => progress.show(done, plans.length, `settled, ${started - done} under way`)
  const playing: Array<Promise<void>> = []
  for (const plan of plans) {
    const wait = plan.atMillis - (performance.now() - begun)
    if (wait > 0) await rest(wait)
    started++
    playing.push(
      play(counters.get(plan.way)!, plan).catch((error) => void failures.push(error)).then(() => {
        done++
        tell()
      })
    )
  }
  await Promise.all(playing)
  progress.end()
  await reviewer.stop()
  if (failures.length > 0) {
    throw new Error(`${failures.length} payments could not be played`, { cause: failures[0] })
  }
}
