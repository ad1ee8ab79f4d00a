import { Effect } from "effect"
import { afterAll, beforeAll, expect, test } from "vitest"
import { defaultTerms } from "../../actors/payments/terms.ts"
import { publishHealth } from "../../src/house/gatewayHealth.ts"
import { publishTerms } from "../../src/house/terms.ts"
import { Database } from "../../src/store/database.ts"
import { PARTITIONS } from "../../streams/mailboxes.ts"
import { type Machine, startMachine } from "../support/machine.ts"

let machine: Machine
beforeAll(async () => {
  // Nobody works here: what is told waits in the mailboxes.
  machine = await startMachine()
})
afterAll(() => machine.stop())

const terms = (fixed: number) =>
  publishTerms(machine.stack, defaultTerms.routing!, {
    fee: { percentage_basis_points: 0n, fixed: BigInt(fixed) }
  })

const health = (success_permille: number) =>
  Effect.runPromise(
    publishHealth(machine.admin, { simulator: { down: false, success_permille } }).pipe(
      Effect.provide(Database.layerOf(machine.databaseUrl, 1))
    )
  )

const NONSENSE = "by hand"

/** How often each partition was told anything. */
const told = async () => (await machine.stored("PAYMENTS", "payments.*.control")).length

/** What each partition will hold when it has taken everything, as its version rule has it. */
const held = async () => {
  const found = new Map<string, { version: number; fixed: string; success: number | undefined }>()
  for (const { subject, text } of await machine.stored("PAYMENTS", "payments.*.control")) {
    if (text === NONSENSE) continue
    const { config, version } = JSON.parse(text)
    if (version <= (found.get(subject)?.version ?? 0)) continue
    const success = config.health?.simulator.success_permille
    found.set(subject, { version, fixed: config.fee.fixed, success })
  }
  return [...found.values()].map(({ fixed, success }) => [fixed, success])
}

const everywhere = (fixed: string, success: number | undefined) =>
  Array.from({ length: PARTITIONS }, () => [fixed, success])

test("gateways' health does not bring back terms that were changed and are not taken yet", async () => {
  await terms(1)
  await health(500)
  await terms(2)
  expect(await held()).toEqual(everywhere("2", 500))
  await health(900)
  expect(await held()).toEqual(everywhere("2", 900))
})

test("of two changes at the same moment neither is lost", async () => {
  for (let nth = 0; nth < 10; nth++) {
    await Promise.all([terms(100 + nth), health(nth)])
    expect(await held()).toEqual(everywhere(`${100 + nth}`, nth))
  }
})

test("what holds already is not told again", async () => {
  await terms(7)
  const before = await told()
  await terms(7)
  expect(await told()).toBe(before)
})

test("a message that nobody can read is passed over", async () => {
  await machine.append("payments.3.control", {}, NONSENSE)
  await health(8)
  expect(await held()).toEqual(everywhere("7", 8))
  await terms(8)
  expect(await held()).toEqual(everywhere("8", 8))
})
