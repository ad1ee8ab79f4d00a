import { connect, type NatsConnection } from "@nats-io/transport-node"
import { afterAll, beforeAll, expect, test } from "vitest"
import { partitionOf } from "../../src/domain/partition.ts"
import { Header } from "../../src/runtime/letter.ts"
import { readers } from "../../streams/consumers.ts"
import { PARTITIONS } from "../../streams/mailboxes.ts"
import { topology } from "../../streams/topology.ts"
import { eventually } from "../support/lastro.ts"
import { type Machine, separate, startMachine } from "../support/machine.ts"
import { makeNotebookTables, notebook } from "../support/notebook.ts"

/** A client of another system: nothing of ours but the address, a user and the subjects. */
let observer: NatsConnection
let machine: Machine
beforeAll(async () => {
  machine = await startMachine()
  await makeNotebookTables(machine.databaseUrl)
  const { password, user } = machine.stack.nats.observer
  observer = await connect({
    servers: [...machine.stack.natsUrls],
    user,
    pass: password,
    inboxPrefix: "_INBOX.observer"
  })
})
afterAll(async () => {
  await observer.close()
  await machine.stop()
})

// deno-lint-ignore no-explicit-any
const ask = async (subject: string, body: unknown = {}): Promise<any> =>
  (await observer.request(`$JS.API.${subject}`, JSON.stringify(body), { timeout: 5_000 })).json()

/** What a pull brings; each message acknowledged. */
const pull = async (stream: string, consumer: string, batch: number) => {
  const inbox = `_INBOX.observer.${Math.random().toString(36).slice(2)}`
  const found: Array<{ subject: string; json: unknown; merchant: string }> = []
  const done = new Promise<void>((resolve) => {
    observer.subscribe(inbox, {
      callback: (_, message) => {
        if (message.headers?.code) return resolve()
        const merchant = message.headers?.get(Header.merchant) ?? ""
        found.push({ subject: message.subject, json: message.json(), merchant })
        observer.publish(message.reply!, "+ACK")
        if (found.length === batch) resolve()
      }
    })
  })
  observer.publish(
    `$JS.API.CONSUMER.MSG.NEXT.${stream}.${consumer}`,
    JSON.stringify({ batch, no_wait: true }),
    { reply: inbox }
  )
  await done
  return found
}

const happened = (type: string, merchant: string) => {
  const source = `payments-${String(partitionOf(merchant, PARTITIONS)).padStart(2, "0")}`
  return machine.append(
    `events.${source}.${type}`,
    { [Header.type]: type, [Header.merchant]: merchant },
    { type, merchant }
  )
}

test("another system reads events of one type since a time, and goes on where it was", async () => {
  await happened("payment.captured", "acme")
  await new Promise((resolve) => setTimeout(resolve, 50))
  const since = new Date().toISOString()
  await happened("payment.captured", "acme")
  await happened("payment.failed", "acme")
  await happened("payment.captured", "other")
  const created = await ask("CONSUMER.CREATE.EVENTS.billing.events.*.payment.captured", {
    stream_name: "EVENTS",
    config: {
      durable_name: "billing",
      ack_policy: "explicit",
      deliver_policy: "by_start_time",
      opt_start_time: since,
      filter_subject: "events.*.payment.captured"
    }
  })
  expect(created.error).toBeUndefined()
  expect((await pull("EVENTS", "billing", 1)).map(({ merchant }) => merchant)).toEqual(["acme"])
  expect((await pull("EVENTS", "billing", 10)).map(({ merchant }) => merchant)).toEqual(["other"])
  const info = await eventually(async () => {
    const found = await ask("CONSUMER.INFO.EVENTS.billing")
    return found.num_ack_pending === 0 ? found : undefined
  })
  expect(info).toMatchObject({ num_pending: 0, num_redelivered: 0 })
})

test("a merchant's events are those of its partition with its name in the header", async () => {
  const partition = String(partitionOf("acme", PARTITIONS)).padStart(2, "0")
  const filter = `events.payments-${partition}.payment.>`
  await ask(`CONSUMER.CREATE.EVENTS.acme.${filter}`, {
    stream_name: "EVENTS",
    config: { durable_name: "acme", ack_policy: "explicit", filter_subject: filter }
  })
  const found = await pull("EVENTS", "acme", 100)
  const mine = found.filter(({ merchant }) => merchant === "acme")
  expect(mine.length).toBe(3)
  expect(found.every(({ subject }) => subject.startsWith(`events.payments-${partition}.`))).toBe(
    true
  )
})

test("operators' durable consumers are there, and advisories are kept", async () => {
  for (const { name, stream } of readers) {
    const info = await ask(`CONSUMER.INFO.${stream}.${name}`)
    expect([stream, info.config?.durable_name]).toEqual([stream, "operators"])
  }
  await machine.api("STREAM.CREATE.PASSING", { name: "PASSING", subjects: ["passing.x"] })
  await machine.api("STREAM.DELETE.PASSING")
  const told = await eventually(async () => {
    const found = await pull("ADVISORIES", "operators", 100)
    return found.some(({ subject }) => subject.includes("DELETED.PASSING")) ? found : undefined
  })
  expect(told.map(({ subject }) => subject)).toContain(
    "$JS.EVENT.ADVISORY.STREAM.DELETED.PASSING"
  )
  await machine.append("dead.fraud-00.defect", {}, { id: "dl_1" })
  expect(await pull("DEAD_LETTERS", "operators", 10)).toMatchObject([{ json: { id: "dl_1" } }])
})

test("an observer writes nothing, changes nothing, and reads no mailbox", async () => {
  const denied = [
    "payments.0.ingress.create.acme",
    "payments.0.fraud-00",
    "events.payments-00.payment.captured",
    "dead.payments-00.defect",
    "timers.due.payments.0",
    "$KV.leases.payments.0",
    "$KV.control.pause",
    "$JS.API.STREAM.CREATE.X",
    "$JS.API.STREAM.UPDATE.EVENTS",
    "$JS.API.STREAM.DELETE.EVENTS",
    "$JS.API.STREAM.PURGE.EVENTS",
    "$JS.API.STREAM.MSG.DELETE.EVENTS",
    "$JS.API.STREAM.MSG.GET.PAYMENTS",
    "$JS.API.DIRECT.GET.EVENTS",
    "$JS.API.CONSUMER.CREATE.PAYMENTS.mine",
    "$JS.API.CONSUMER.DELETE.EVENTS.operators",
    "$JS.API.CONSUMER.MSG.NEXT.PAYMENTS.payments-0",
    "$JS.ACK.PAYMENTS.payments-0.1.1.1.1.0"
  ]
  for (const subject of denied) {
    const said = await observer.request(subject, "{}", { timeout: 2_000 }).then(
      () => "answered",
      (error: Error) => `${error.message} ${error.cause}`
    )
    expect([subject, said]).toEqual([subject, expect.stringMatching(/permissions violation/i)])
  }
})

test("what an observer has delivered elsewhere is no message of any partition", async () => {
  await ask("CONSUMER.CREATE.EVENTS.aside", {
    stream_name: "EVENTS",
    config: { durable_name: "aside", ack_policy: "explicit" }
  })
  observer.publish("$JS.API.CONSUMER.MSG.NEXT.EVENTS.aside", JSON.stringify({ batch: 10 }), {
    reply: "fraud.0.payments-77"
  })
  await ask("CONSUMER.CREATE.EVENTS.pushed", {
    stream_name: "EVENTS",
    config: { name: "pushed", deliver_subject: "fraud.0.payments-78", ack_policy: "none" }
  })
  // The server stores them, under the subject they had: nobody in that mailbox reads it.
  await eventually(async () => {
    const { state } = await machine.api("STREAM.INFO.FRAUD")
    return state.messages > 0 ? true : undefined
  })
  expect(await machine.stored("FRAUD", "fraud.>")).toEqual([])
  expect((await machine.stored("FRAUD", "events.>")).length).toBeGreaterThan(0)
})

test("every stream and consumer tells the standard tools that it is to be watched, and from where on", async () => {
  const worker = machine.work([notebook().actor])
  const consumers = await eventually(async () => {
    const found = await ask("CONSUMER.LIST.FRAUD")
    return found.total === PARTITIONS ? found.consumers : undefined
  })
  await worker.stop()
  for (const { config } of consumers) {
    expect(config.metadata).toMatchObject({
      "io.nats.monitor.enabled": "true",
      "io.nats.monitor.outstanding-ack-critical": expect.stringMatching(/^\d+$/),
      "io.nats.monitor.unprocessed-critical": expect.stringMatching(/^\d+$/)
    })
  }
  const { streams } = await ask("STREAM.LIST")
  const names = streams.map(({ config }: { config: { name: string } }) => config.name)
  expect(names).toEqual(expect.arrayContaining(topology(1, separate).map(({ name }) => name)))
  for (const { config } of streams) {
    expect([config.name, config.metadata?.["io.nats.monitor.enabled"]]).toEqual([
      config.name,
      "true"
    ])
  }
})
