import type { SummaryLine } from "../../../actors/reconciliation/read.ts"
import { surplus } from "../../proof/judges/surplus.ts"
import type { Planted } from "../../simulators/card/settlement.ts"
import type { House } from "./house.ts"
import { untilQuiet } from "./quiet.ts"
import { rest } from "./ways.ts"

/** What is planted in the gateway's file: every kind more than once. */
const BREAKS = "missing:3,unexpected:2,amount:3,duplicate:2"
const SOURCE = "simulator"
const DAY_MILLIS = 86_400_000
const LOOK_EVERY_MILLIS = 250
/** After it what was found is compared as it is, and the difference is the report. */
const CLOSED_MILLIS = 30_000

interface FoundBreak {
  readonly kind: string
  readonly merchant: string
  readonly charge_id: string | null
}

interface Reconciled {
  readonly lines: number
  readonly matched: number
  readonly planted: ReadonlyArray<string>
  readonly found: ReadonlyArray<string>
  /** Planted, but not found. */
  readonly overlooked: ReadonlyArray<string>
  /** Found, but not planted. */
  readonly invented: ReadonlyArray<string>
}

const nameOf = ({ charge_id, kind, merchant }: FoundBreak): string =>
  `${kind} ${merchant} ${charge_id}`

/** UTC days from the first payment to now: a demo may run through midnight. */
export const daysSince = (fromMillis: number, toMillis: number): ReadonlyArray<string> => {
  const first = Math.floor(fromMillis / DAY_MILLIS)
  const last = Math.floor(toMillis / DAY_MILLIS)
  return Array.from(
    { length: last - first + 1 },
    (_, index) => new Date((first + index) * DAY_MILLIS).toISOString().slice(0, 10)
  )
}

/** Hands in the gateway's files with their planted faults, and compares what is found with them. */
export const reconcile = async (house: House, startedMillis: number): Promise<Reconciled> => {
  const planted: Array<Planted> = []
  let lines = 0
  for (const day of daysSince(startedMillis, Date.now())) {
    const file = await fetch(
      `${house.lastro.simulator.url}/settlement-files/${day}?breaks=${BREAKS}`
    )
    planted.push(...JSON.parse(file.headers.get("planted-breaks") ?? "[]"))
    const text = await file.text()
    lines += text.trim().split("\n").length - 1
    await handIn(house, day, text)
  }
  await untilQuiet(house, () => {})
  const summary = await closed(house)
  const expected = planted.map(nameOf).sort()
  const found = (await breaks(house)).map(nameOf).sort()
  return {
    lines,
    matched: summary.reduce((sum, { matched }) => sum + matched.count, 0),
    planted: expected,
    found,
    overlooked: surplus(expected, found),
    invented: surplus(found, expected)
  }
}

const handIn = async (house: House, day: string, body: string): Promise<void> => {
  const answer = await fetch(
    `${house.lastro.edge.url}/v1/settlement-files?source=${SOURCE}&date=${day}`,
    {
      method: "POST",
      headers: { authorization: `Bearer ${house.operatorKey}`, "content-type": "text/csv" },
      body
    }
  )
  const detail = await answer.text()
  if (answer.status !== 202) throw new Error(`the settlement file was refused: ${detail}`)
}

/** Every day's file is whole and nothing waits for its other side. */
const closed = async (house: House): Promise<ReadonlyArray<SummaryLine>> => {
  const deadline = Date.now() + CLOSED_MILLIS
  for (;;) {
    const { data } = await house.ask<{ data: ReadonlyArray<SummaryLine> }>(
      "/v1/reconciliation/summary"
    )
    const done = data.length > 0 &&
      data.every(({ awaiting, closed }) => closed && awaiting.count === 0)
    if (done || Date.now() > deadline) return data
    await rest(LOOK_EVERY_MILLIS)
  }
}

const breaks = async (house: House): Promise<ReadonlyArray<FoundBreak>> => {
  const found: Array<FoundBreak> = []
  for (let cursor: string | null = ""; cursor !== null;) {
    const page: { data: ReadonlyArray<FoundBreak>; next_cursor: string | null } = await house.ask(
      `/v1/reconciliation/breaks?limit=200${cursor === "" ? "" : `&cursor=${cursor}`}`
    )
    found.push(...page.data)
    cursor = page.next_cursor
  }
  return found
}
