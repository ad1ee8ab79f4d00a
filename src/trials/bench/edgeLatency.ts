import { commandOf, type Latency, percentiles } from "./load.ts"

/** Asks the edge as a shop does and waits for each outcome: from the first byte out to the answer in. */
export const edgeLatency = async (options: {
  readonly url: string
  readonly key: string
  readonly perSecond: number
  readonly seconds: number
}): Promise<Latency> => {
  const run = `e${Date.now().toString(36)}`
  const times: Array<number> = []
  const asks: Array<Promise<void>> = []
  const ask = async (index: number) => {
    const { command_id, ...body } = commandOf(run, index)
    const started = performance.now()
    const answer = await fetch(`${options.url}/v1/payments`, {
      method: "POST",
      headers: {
        authorization: `Bearer ${options.key}`,
        "content-type": "application/json",
        "idempotency-key": command_id,
        prefer: "wait=10"
      },
      body: JSON.stringify(body)
    })
    const { status } = (await answer.json()) as { status: string }
    if (status !== "captured") throw new Error(`the edge answered ${answer.status} ${status}`)
    times.push(performance.now() - started)
  }
  const started = performance.now()
  while (performance.now() - started < options.seconds * 1_000) {
    const due = Math.floor(((performance.now() - started) / 1_000) * options.perSecond)
    while (asks.length < due) asks.push(ask(asks.length))
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
  await Promise.all(asks)
  return percentiles(times)
}
