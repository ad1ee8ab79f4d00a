import type { Socket } from "node:net"
import { ClosedConnectionError, NoRespondersError, TimeoutError } from "@nats-io/transport-node"
import { Effect, Exit, Scope } from "effect"
import { afterAll, beforeAll, expect, test } from "vitest"
import { type NatsLink, open } from "../../src/bus/connection.ts"
import { type Machine, startMachine } from "../support/machine.ts"

let machine: Machine
beforeAll(async () => {
  machine = await startMachine()
})
afterAll(() => machine.stop())

/** Long enough to tell a refusal from a time-out. */
const LONG = { timeout: 60_000 }

const connected = async (role: "admin" | "producer") => {
  const { natsUrls, nats } = machine.stack
  const scope = Scope.makeUnsafe()
  const link: NatsLink = await Effect.runPromise(Scope.provide(
    open({ urls: natsUrls, ...nats[role], name: "requests" }),
    scope
  ))
  return { nc: link.nc, close: () => Effect.runPromise(Scope.close(scope, Exit.void)) }
}

test("answers find the requests they belong to, in whatever order they come", async () => {
  const { nc, close } = await connected("admin")
  const held: Array<() => void> = []
  nc.subscribe("test.later", {
    callback: (_, message) => {
      held.push(() => message.respond(message.data))
      if (held.length === 3) held.reverse().forEach((answer) => answer())
    }
  })
  const answers = await Promise.all(
    ["a", "b", "c"].map((text) => nc.request("test.later", text, LONG))
  )
  expect(answers.map((answer) => answer.string())).toEqual(["a", "b", "c"])
  await close()
})

test("a request that nobody answers, or nobody hears, is told so", async () => {
  const { nc, close } = await connected("admin")
  nc.subscribe("test.silent", { callback: () => {} })
  await expect(nc.request("test.nobody", "", LONG)).rejects.toThrow(NoRespondersError)
  await expect(nc.request("test.silent", "", { timeout: 50 })).rejects.toThrow(TimeoutError)
  await close()
})

test("a request that is not permitted fails at once, and no other with it", async () => {
  const { nc, close } = await connected("producer")
  const refused = nc.request("$JS.API.STREAM.DELETE.PAYMENTS", "", LONG)
  await expect(refused).rejects.toThrow(/permissions violation/i)
  const stored = await nc.request("lastro.payments.create.shop", "{}", LONG)
  expect(stored.json()).toMatchObject({ stream: "PAYMENTS" })
  await close()
})

test("whoever waits when the connection is closed waits no longer", async () => {
  const { nc, close } = await connected("admin")
  nc.subscribe("test.silent", { callback: () => {} })
  const waiting = expect(nc.request("test.silent", "", LONG)).rejects.toThrow(ClosedConnectionError)
  await close()
  await waiting
})

test("words of a server that ended its connection are not answered, and the process lives", async () => {
  const { nc, close } = await connected("admin")
  const { protocol } = nc as unknown as { protocol: { transport: Transport } }
  const { transport } = protocol
  const failed: Array<unknown> = []
  transport.socket.removeAllListeners()
  transport.socket.on("error", (error) => failed.push(error))
  await new Promise<void>((resolve) => transport.socket.end(resolve))
  transport.send(new TextEncoder().encode("PING\r\n"))
  await new Promise((resolve) => setTimeout(resolve, 50))
  expect(failed).toEqual([])
  await close()
})

interface Transport {
  readonly send: (frame: Uint8Array) => void
  readonly socket: Socket
}
