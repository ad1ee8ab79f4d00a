import type { NatsConnection } from "@nats-io/transport-node"
import { afterAll, beforeAll, expect, test } from "vitest"
import { partitionOf } from "../../src/domain/partition.ts"
import { families, mailboxes, PARTITIONS } from "../../streams/mailboxes.ts"
import { connectAs, type Machine, startMachine } from "../support/machine.ts"

let machine: Machine
const users = new Map<string, NatsConnection>()
const names = ["producer", "merchant-acme", "merchant-other", "edge", "worker"] as const
type Name = (typeof names)[number]

beforeAll(async () => {
  machine = await startMachine(mailboxes)
  const { stack } = machine
  for (const role of ["producer", "edge", "worker"] as const) {
    users.set(role, await connectAs(stack, stack.nats[role]))
  }
  for (const merchant of ["acme", "other"]) {
    const credentials = await stack.merchantCredentials(merchant)
    users.set(`merchant-${merchant}`, await connectAs(stack, credentials))
  }
  for (const [name, nc] of users) listen(name, nc)
})
afterAll(async () => {
  for (const nc of users.values()) await nc.close()
  await machine.stop()
})

const violation = /permissions violation/i

/** A denial names the subject that the server made of the one that was published: no request hears it. */
const denials = new Map<string, () => void>()
const listen = (name: string, nc: NatsConnection) => {
  const reading = async () => {
    for await (const status of nc.status()) {
      if (status.type === "error" && violation.test(status.error.message)) denials.get(name)?.()
    }
  }
  reading().catch(() => {})
}

/** What became of a publish, as the publisher hears it. */
const publish = async (name: Name, subject: string): Promise<"stored" | "denied" | string> => {
  const denied = new Promise<string>((resolve) => {
    denials.set(name, () => resolve("permissions violation"))
  })
  const requested = users.get(name)!.request(subject, "{}", { timeout: 5_000 }).then(
    (message) => message.json<{ error?: { description: string }; seq?: number }>(),
    (error: Error) => `${error.message} ${error.cause}`
  )
  const answer = await Promise.race([requested, denied])
  if (typeof answer === "string") return violation.test(answer) ? "denied" : answer
  return answer.error === undefined ? "stored" : answer.error.description
}

const subscribe = async (name: Name, subject: string): Promise<"heard" | "denied" | string> => {
  const nc = users.get(name)!
  const heard = await new Promise<string>((resolve) => {
    const subscription = nc.subscribe(subject, {
      callback: (error) => {
        resolve(error === null ? "heard" : violation.test(error.message) ? "denied" : error.message)
      }
    })
    const probe = subject.replaceAll("*", "x").replace(">", "x")
    nc.flush().then(() => machine.admin.nc.publish(probe, "x"))
    setTimeout(() => {
      subscription.unsubscribe()
      resolve("silence")
    }, 5_000).unref()
  })
  return heard
}

const commandsOf = (merchant: string) =>
  ["create", "capture", "void", "refund"].map((type) => `lastro.payments.${type}.${merchant}`)

const place = (merchant: string) => `payments.${partitionOf(merchant, PARTITIONS)}.ingress`

/** What would forge a command, an answer, an event, a timer, a lease or the topology. */
const internals = [
  "payments.3.fraud-03",
  "payments.3.control",
  "payments.3.timers",
  ...families.map(({ family }) => `${family}.0.payments-00`),
  "events.payments-03.payment.captured",
  "dead.payments-03.defect",
  "timers.at.payments.3.x",
  "timers.due.payments.3",
  "$KV.leases.payments.3",
  "$KV.control.pause",
  "$JS.API.STREAM.CREATE.X",
  "$JS.API.STREAM.UPDATE.PAYMENTS",
  "$JS.API.STREAM.DELETE.PAYMENTS",
  "$JS.API.STREAM.PURGE.EVENTS",
  "$JS.API.STREAM.MSG.DELETE.EVENTS",
  "$JS.ACK.PAYMENTS.payments-3.1.1.1.1.0"
]

test.each(["producer", "merchant-acme", "edge"] as const)(
  "%s may publish on no subject of the machine's own",
  async (name) => {
    for (const subject of internals) {
      expect([subject, await publish(name, subject)]).toEqual([subject, "denied"])
    }
  },
  120_000
)

test("a merchant publishes its own commands and nobody else's", async () => {
  for (const subject of [...commandsOf("acme"), `${place("acme")}.create.acme`]) {
    expect([subject, await publish("merchant-acme", subject)]).toEqual([subject, "stored"])
  }
  for (
    const subject of [
      ...commandsOf("other"),
      "lastro.payments.review.acme",
      "lastro.payments.scored.acme",
      "lastro.reconciliation.file.acme",
      "lastro.messaging.register_endpoint.acme",
      "lastro.fraud.score.acme",
      // Its partition is its own; another one would lead past the order of its commands.
      "payments.3.ingress.create.acme",
      `${place("acme")}.review.acme`,
      `${place("other")}.create.other`
    ]
  ) expect([subject, await publish("merchant-acme", subject)]).toEqual([subject, "denied"])
})

test.each(["producer", "merchant-acme"] as const)(
  "an acknowledgement that %s has sent to a subject of the machine's own goes nowhere",
  async (name) => {
    const command = `${place("acme")}.create.acme`
    await machine.api("CONSUMER.DURABLE.CREATE.EVENTS.victim", {
      stream_name: "EVENTS",
      config: { durable_name: "victim", ack_policy: "explicit" }
    })
    const before = await everything()
    const targets = [
      // The server itself refuses an answer that is to look like an acknowledgement.
      ...internals.filter((subject) => !subject.startsWith("$JS.ACK")),
      command,
      "payments.3.ingress.create.forged",
      "lastro.payments.create.forged",
      "$KV.control.family.payments",
      "$JS.API.CONSUMER.DELETE.EVENTS.victim"
    ]
    const nc = users.get(name)!
    for (const reply of targets) nc.publish(command, "{}", { reply })
    // Its own command behind them: everything before it has arrived, and the answers were sent.
    expect(await publish(name, command)).toBe("stored")
    await machine.admin.nc.flush()
    const after = await everything()
    expect(after.get("PAYMENTS")! - before.get("PAYMENTS")!).toBe(targets.length + 1)
    before.delete("PAYMENTS")
    after.delete("PAYMENTS")
    expect(after).toEqual(before)
    expect((await machine.api("CONSUMER.INFO.EVENTS.victim")).name).toBe("victim")
  }
)

test("a producer hears on its inbox what becomes of its command, from the other account", async () => {
  const nc = users.get("producer")!
  const heard = new Promise<string>((resolve) => {
    nc.subscribe("_INBOX.producer.outcome", {
      max: 1,
      callback: (_, message) => resolve(message.string())
    })
  })
  await nc.flush()
  users.get("worker")!.publish("_INBOX.producer.outcome", "captured")
  expect(await heard).toBe("captured")
})

/** Last sequences of all streams: nothing is stored without moving one. */
const everything = async (): Promise<Map<string, number>> => {
  const { streams } = await machine.api<
    { streams: ReadonlyArray<{ config: { name: string }; state: { last_seq: number } }> }
  >("STREAM.LIST")
  return new Map(streams.map(({ config, state }) => [config.name, state.last_seq]))
}

test("the platform's producer publishes commands of merchants and files, and decides no review", async () => {
  for (const subject of [...commandsOf("acme"), "lastro.reconciliation.file.simulator"]) {
    expect([subject, await publish("producer", subject)]).toEqual([subject, "stored"])
  }
  for (
    const subject of [
      "lastro.payments.review.acme",
      "lastro.messaging.register_endpoint.acme",
      `${place("acme")}.review.acme`
    ]
  ) expect([subject, await publish("producer", subject)]).toEqual([subject, "denied"])
})

test("a command of a partition that is none is taken by nobody", async () => {
  const nc = users.get("producer")!
  for (const partition of [PARTITIONS, 99, "x"]) {
    const subject = `payments.${partition}.ingress.create.acme`
    await expect(nc.request(subject, "{}", { timeout: 2_000 })).rejects.toThrow("no responders")
  }
  expect(await publish("producer", `payments.${PARTITIONS - 1}.ingress.create.acme`)).toBe("stored")
})

test.each(["producer", "merchant-acme", "edge"] as const)(
  "%s hears its own inbox and nothing else",
  async (name) => {
    expect(await subscribe(name, `_INBOX.${name}.test`)).toBe("heard")
    const others = ["producer", "merchant-acme", "merchant-other", "edge", "worker", "admin"]
      .filter((other) => other !== name)
    for (
      const subject of [
        ...others.map((other) => `_INBOX.${other}.>`),
        "_INBOX.>",
        ">",
        "lastro.>",
        "payments.>",
        "events.>",
        "dead.>",
        "$KV.leases.>"
      ]
    ) expect([subject, await subscribe(name, subject)]).toEqual([subject, "denied"])
  }
)

test("readers of mailboxes are workers: nobody else makes a consumer", async () => {
  const create = "$JS.API.CONSUMER.CREATE.PAYMENTS.mine"
  for (const name of ["producer", "merchant-acme", "edge"] as const) {
    expect([name, await publish(name, create)]).toEqual([name, "denied"])
    expect(await publish(name, "$JS.API.CONSUMER.MSG.NEXT.PAYMENTS.payments-3")).toBe("denied")
  }
  for (const name of ["producer", "merchant-acme"] as const) {
    expect(await publish(name, "$JS.API.STREAM.MSG.GET.PAYMENTS")).toBe("denied")
    expect(await publish(name, "$JS.API.DIRECT.GET.PAYMENTS.payments.3.x")).toBe("denied")
  }
})

test("only the edge gives operators' orders, by name, and pauses families", async () => {
  for (const subject of ["payments.3.operate", "$KV.control.family.payments"]) {
    expect([subject, await publish("edge", subject)]).toEqual([subject, "stored"])
    for (const name of ["producer", "merchant-acme"] as const) {
      expect([name, subject, await publish(name, subject)]).toEqual([name, subject, "denied"])
    }
  }
  for (const subject of ["gateway.3.operate", "$KV.control.escalations.payments"]) {
    expect([subject, await publish("edge", subject)]).toEqual([subject, "denied"])
  }
})

test("a worker writes what actors write, and changes no topology", async () => {
  expect(await publish("worker", "payments.3.fraud-03")).toBe("stored")
  for (
    const subject of [
      "$JS.API.STREAM.CREATE.X",
      "$JS.API.STREAM.UPDATE.PAYMENTS",
      "$JS.API.STREAM.DELETE.PAYMENTS",
      "$JS.API.STREAM.PURGE.EVENTS"
    ]
  ) expect([subject, await publish("worker", subject)]).toEqual([subject, "denied"])
})

test("an unknown user and a wrong password are turned away", async () => {
  const { stack } = machine
  for (
    const wrong of [{ user: "nobody", password: "x" }, { user: "admin", password: "x" }, {
      user: "merchant-acme",
      password: stack.nats.producer.password
    }]
  ) await expect(connectAs(stack, wrong)).rejects.toThrow(/authorization/i)
})
