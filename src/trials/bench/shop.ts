import { type Buyers, buyersFor } from "./buyers.ts"
import { commandOf, type Latency, percentiles } from "./load.ts"

/** A merchant with a key of the edge. */
export interface ShopAccess {
  readonly url: string
  readonly merchant: string
  readonly key: string
  readonly newCustomers: boolean
}

/** Not yet measured: the first requests pay for connections. */
const WARM_REQUESTS = 5

/** Asks the edge as a shop does and waits for each outcome: from the first byte out to the answer in. */
export class Shop {
  private readonly access: ShopAccess
  private readonly buyers: Buyers
  private readonly run = `e${Date.now().toString(36)}`
  private next = 0

  constructor(access: ShopAccess) {
    this.access = access
    this.buyers = buyersFor(access.newCustomers)
  }

  /** At a steady pace, however long the answers take. */
  async paced(
    { perSecond, seconds }: { readonly perSecond: number; readonly seconds: number }
  ): Promise<Latency> {
    const asked: Array<Promise<number>> = []
    const started = performance.now()
    while (performance.now() - started < seconds * 1_000) {
      const due = Math.floor(((performance.now() - started) / 1_000) * perSecond)
      while (asked.length < due) asked.push(this.ask())
      await pause(2)
    }
    return percentiles(await Promise.all(asked))
  }

  /** One after the other, with a rest after each. */
  async single(
    { requests, restMillis }: { readonly requests: number; readonly restMillis: number }
  ): Promise<Latency> {
    const times: Array<number> = []
    for (let index = -WARM_REQUESTS; index < requests; index++) {
      await pause(restMillis)
      const millis = await this.ask()
      if (index >= 0) times.push(millis)
    }
    return percentiles(times)
  }

  private async ask(): Promise<number> {
    const index = this.next++
    const { merchant, url } = this.access
    const { command_id, ...body } = commandOf(this.run, index, this.buyers(merchant, index))
    const started = performance.now()
    const answer = await fetch(`${url}/v1/payments`, {
      method: "POST",
      headers: {
        authorization: `Bearer ${this.access.key}`,
        "content-type": "application/json",
        "idempotency-key": command_id,
        prefer: "wait=10"
      },
      body: JSON.stringify(body)
    })
    const { status } = (await answer.json()) as { status: string }
    if (status !== "captured") throw new Error(`the edge answered ${answer.status} ${status}`)
    return performance.now() - started
  }
}

const pause = (millis: number) => new Promise((resolve) => setTimeout(resolve, millis))
