import type { RunningCheckout } from "./checkout.ts"

const DAY_MILLIS = 86_400_000

const dayOf = (millis: number): string => new Date(millis).toISOString().slice(0, 10)

/**
 * So many lines of the simulated gateway's file of today: of charges that nobody settled yet. Where it made
 * fewer, `more` makes what is missing first.
 */
export const fileOf = async (
  simulator: string,
  lines: number,
  more: (missing: number) => Promise<unknown>
): Promise<string> => {
  for (;;) {
    const answer = await fetch(`${simulator}/settlement-files/${dayOf(Date.now())}`)
    const [header, ...rows] = (await answer.text()).trimEnd().split("\n")
    if (rows.length >= lines) return [header, ...rows.slice(-lines), ""].join("\n")
    await more(lines - rows.length)
  }
}

/** As yesterday's, so that the charges of today which are not in it are not missed. */
export const handIn = async (lastro: RunningCheckout, file: string): Promise<void> => {
  const yesterday = dayOf(Date.now() - DAY_MILLIS)
  const answer = await fetch(
    `${lastro.edge}/v1/settlement-files?source=simulator&date=${yesterday}`,
    {
      method: "POST",
      headers: { authorization: `Bearer ${lastro.operatorKey}`, "content-type": "text/csv" },
      body: file
    }
  )
  if (answer.status !== 202) throw new Error(`the file was answered ${answer.status}`)
  await answer.body?.cancel()
}
