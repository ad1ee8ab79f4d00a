import { Effect } from "effect"
import { afterAll, beforeAll, expect, test } from "vitest"
import { openScan } from "../../src/bus/scan.ts"
import { type Machine, startMachine } from "../support/machine.ts"

let machine: Machine
beforeAll(async () => {
  machine = await startMachine("scan")
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
