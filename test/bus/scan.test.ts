import { Effect } from "effect"
import { afterAll, beforeAll, expect, test } from "vitest"
import type { NatsLink } from "../../src/bus/connection.ts"
import { openScan } from "../../src/bus/scan.ts"
import { type Machine, startMachine } from "../support/machine.ts"

let machine: Machine
beforeAll(async () => {
  machine = await startMachine()
})
afterAll(() => machine.stop())

test("a page of more bytes than one pull may bring is read whole", async () => {
  const large = "x".repeat(450_000)
  const seqs: Array<number> = []
  for (let nth = 0; nth < 40; nth++) seqs.push(await machine.append("fraud.1.scan-00", {}, large))
  const page = await Effect.runPromise(Effect.scoped(
    openScan(machine.admin, { stream: "FRAUD", filter: "fraud.1.>", startSeq: 1 }).pipe(
      Effect.flatMap((scan) => scan.page(500))
    )
  ))
  expect(page.map(({ seq }) => seq)).toEqual(seqs)
}, 60_000)

/** A connection whose first pulls go to a consumer that no server knows. */
const misledAtFirst = (times: number): NatsLink => {
  let left = times
  const nc = new Proxy(machine.admin.nc, {
    get: (target, name) => {
      const value = Reflect.get(target, name)
      if (name !== "publish") return typeof value === "function" ? value.bind(target) : value
      return (subject: string, ...rest: [string, { reply: string }]) =>
        target.publish(
          subject.includes("MSG.NEXT") && left-- > 0 ? `${subject}-unheard-of` : subject,
          ...rest
        )
    }
  })
  return { ...machine.admin, nc }
}

const read = (link: NatsLink, stream: string, filter: string) =>
  Effect.runPromise(Effect.scoped(
    openScan(link, { stream, filter, startSeq: 1 }).pipe(Effect.flatMap((scan) => scan.page(10)))
  ))

test("a consumer that its server does not know of yet is asked again", async () => {
  const seq = await machine.append("fraud.2.scan-00", {}, "x")
  const page = await read(misledAtFirst(3), "FRAUD", "fraud.2.>")
  expect(page.map((one) => one.seq)).toEqual([seq])
})

test("a consumer that nobody knows for long is told", async () => {
  await expect(read(misledAtFirst(Infinity), "FRAUD", "fraud.2.>")).rejects.toThrow(
    /nobody answers/
  )
})
