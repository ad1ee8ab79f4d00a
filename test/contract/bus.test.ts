import { ingressMapping } from "../../streams/mailboxes.ts"
import { topology } from "../../streams/topology.ts"
import { Process } from "../simulation/kernel.ts"
import { Broker } from "../simulation/model/broker.ts"
import { Client } from "../simulation/model/client.ts"
import { realTime } from "../simulation/model/realTime.ts"
import { connectAs, startMachine } from "../support/machine.ts"
import { busContract } from "./bus.cases.ts"

busContract("NATS", async () => {
  const { stack, stop } = await startMachine()
  return {
    stop,
    connect: async () => ({
      nc: await connectAs(stack, stack.nats.admin),
      inboxPrefix: "_INBOX.admin"
    })
  }
})

busContract("the model", () => {
  const broker = new Broker(realTime, { specs: topology(1), mapping: ingressMapping })
  let connections = 0
  return Promise.resolve({
    stop: () => Promise.resolve(),
    connect: () => {
      const name = `p${++connections}`
      const client = new Client(realTime, broker, new Process(name))
      return Promise.resolve({ nc: client.asBusClient(), inboxPrefix: `_INBOX.${name}` })
    }
  })
})
