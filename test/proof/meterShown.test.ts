import { afterAll, beforeAll, expect, test } from "vitest"
import { Header } from "../../src/runtime/letter.ts"
import { examineStack } from "../../src/house/examination.ts"
import { append } from "../../src/bus/append.ts"
import { Effect } from "effect"
import { eventually, startTestLastro, type TestLastro } from "../support/lastro.ts"
import { connectAs } from "../support/machine.ts"
import { openShop } from "../support/shop.ts"

let lastro: TestLastro
beforeAll(async () => {
  lastro = await startTestLastro()
})
afterAll(() => lastro.stop())

const metric = async (name: string) => {
  const { json } = await lastro.ask(await lastro.operatorKey(), "GET", "/metrics")
  const line = String(json).split("\n").find((one) => one.startsWith(`${name} `))
  return line === undefined ? undefined : Number(line.split(" ")[1])
}
const overview = async () =>
  (await lastro.ask(await lastro.operatorKey(), "GET", "/v1/operations/overview")).json

test("payments in every family are compared by themselves, and nothing is amiss", async () => {
  const shop = await openShop(lastro, "acme")
  const paid = await shop.pay()
  expect(paid.json.status).toBe("captured")
  const meter = await eventually(async () => {
    const { meter } = await overview()
    return meter.behind === 0 && meter.messages > 5 ? meter : undefined
  }, 60_000)
  expect(meter).toMatchObject({ gaps: 0, repeats: 0, alarms: [] })
  expect(await metric(`lastro_exactly_once_alarms{kind="gap"}`)).toBe(0)
  expect(await metric(`lastro_exactly_once_alarms{kind="repeat"}`)).toBe(0)
  expect(await metric(`lastro_exactly_once_compared{what="messages"}`)).toBeGreaterThan(5)
}, 90_000)

test(
  "a doubled event raises the alarm on the page, in the metrics and in the doctor's promises",
  async () => {
    const nc = await connectAs(lastro.stack, lastro.stack.nats.admin)
    const found = (await nc.request(
      "$JS.API.STREAM.MSG.GET.EVENTS",
      JSON.stringify({ last_by_subj: "events.*.payment.captured" })
      // deno-lint-ignore no-explicit-any
    )).json<any>()
    const { data, hdrs, subject } = found.message
    const lines = Buffer.from(hdrs, "base64").toString().split("\r\n")
    const emission = lines.find((line) => line.startsWith(Header.emission))!.split(": ")[1]!
    await Effect.runPromise(append(nc, [{
      subject,
      headers: [[Header.emission, emission]],
      payload: Buffer.from(data, "base64")
    }]))
    await nc.close()
    await eventually(
      async () => (await metric(`lastro_exactly_once_alarms{kind="repeat"}`)) || undefined,
      90_000
    )
    const { meter } = await overview()
    expect(meter.alarms[0]).toMatchObject({ family: "payments", kind: "repeat" })
    const { promises } = await examineStack(lastro.stack)
    expect(promises.find(({ promise }) => promise === "G3")).toMatchObject({
      holds: "no",
      why: [expect.stringMatching(/exactly-once meter: .* [1-9]\d* repeats/)]
    })
  },
  120_000
)
