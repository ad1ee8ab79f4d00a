import { Effect } from "effect"
import { afterAll, beforeAll, expect, test } from "vitest"
import type { BusClient } from "../../src/bus/connection.ts"
import { examinePartitions } from "../../src/proof/doctor/partitions.ts"
import { ingressMapping, mailboxes, PARTITIONS } from "../../streams/mailboxes.ts"
import { type Machine, startMachine } from "../support/machine.ts"

let machine: Machine
beforeAll(async () => {
  machine = await startMachine(mailboxes)
})
afterAll(() => machine.stop())

const examined = (nc: BusClient | undefined = machine.admin.nc) =>
  Effect.runPromise(examinePartitions({
    nc: machine.admin.nc,
    replicas: 1,
    servers: [{ url: "one", nc }],
    mapping: ingressMapping,
    partitions: PARTITIONS,
    mailboxes
  }))
const finding = async (check: string, nc?: BusClient) =>
  (await examined(nc)).find((one) => one.check === check)!

/** A connection to a server with other mappings. */
const mapping = (publish: (subject: string) => void): BusClient => {
  const { nc } = machine.admin
  return {
    ...(nc.info && { info: nc.info }),
    request: nc.request.bind(nc),
    subscribe: nc.subscribe.bind(nc),
    flush: nc.flush.bind(nc),
    close: nc.close.bind(nc),
    publish
  }
}

test("a server that maps producers' subjects as declared is good", async () => {
  expect(await finding("partition function of one")).toMatchObject({
    verdict: "good",
    found: "the server and we agree on 32 of 32 keys"
  })
})

test("a server that maps producers' subjects otherwise, or not at all, is told of", async () => {
  const otherwise = await finding(
    "partition function of one",
    mapping((subject) => {
      const [, family, type, key] = subject.split(".")
      machine.admin.nc.publish(`${family}.0.ingress.${type}.${key}`)
    })
  )
  expect(otherwise.found).toMatch(/the server puts \S+ into 0, we into [1-7]/)
  expect(otherwise).toMatchObject({ verdict: "bad", undermines: ["G2", "G3"] })
  const notAtAll = await finding("partition function of one", mapping(() => {}))
  expect(notAtAll).toMatchObject({ verdict: "bad", undermines: [] })
  expect(notAtAll.found).toContain("0 of 32 producers' subjects")
  expect(notAtAll.advice).toContain(`mappings: { "lastro.*.*.*": `)
})

test("commands that a mailbox holds outside of partitions are counted", async () => {
  expect((await finding("commands outside of partitions")).verdict).toBe("good")
  const { config } = await machine.api("STREAM.INFO.PAYMENTS")
  // Only a stream's own transform leads there: servers map what producers publish.
  await machine.api("STREAM.UPDATE.PAYMENTS", {
    ...config,
    subjects: [...config.subjects, "astray"],
    subject_transform: { src: "astray", dest: "lastro.payments.note.acme" }
  })
  await machine.append("astray", {}, {})
  expect(await finding("commands outside of partitions")).toMatchObject({
    verdict: "bad",
    found: expect.stringMatching(
      /^PAYMENTS holds 1 under lastro\.payments\.note\.acme in the copy of \S+$/
    ),
    undermines: ["G2", "G3"]
  })
})

test("commands of a partition that is none are counted, too", async () => {
  for (const partition of [PARTITIONS - 1, PARTITIONS, 99, "x", "01"]) {
    await machine.append(`payments.${partition}.ingress.create.acme`, {}, {})
  }
  const { found, verdict } = await finding("commands outside of partitions")
  expect(verdict).toBe("bad")
  // And the one from before.
  expect(found).toMatch(
    /PAYMENTS holds 5 under lastro\.payments\.note\.acme, (payments\.\w+\.ingress\.create\.acme(, )?){2} and 2 more/
  )
  expect(found).not.toContain(`payments.${PARTITIONS - 1}.`)
})
