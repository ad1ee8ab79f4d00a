import type { NatsConnection } from "@nats-io/transport-node"
import * as fs from "node:fs"
import { Effect, Fiber } from "effect"
import { afterAll, beforeAll, expect, test } from "vitest"
import { append } from "../../src/bus/append.ts"
import { request } from "../../src/bus/api.ts"
import type { BusClient } from "../../src/bus/connection.ts"
import { replicasOf } from "../../src/bus/topology.ts"
import { prepare } from "../../src/house/prepare.ts"
import { place } from "../../src/runtime/placement.ts"
import { type ClusterStack, natsMembers, startCluster } from "../../src/stack/cluster.ts"
import { dropDatabase } from "../../src/store/provision.ts"
import { PARTITIONS } from "../../streams/mailboxes.ts"
import { topology } from "../../streams/topology.ts"
import { eventually, freshDatabaseUrl, testFolder } from "../support/lastro.ts"
import { connectAs } from "../support/machine.ts"

let dataDir: string
let stack: ClusterStack
let admin: NatsConnection

beforeAll(async () => {
  dataDir = testFolder("cluster")
  stack = await startCluster({ dataDir, databaseUrl: freshDatabaseUrl() })
  await prepare(stack, () => {})
  admin = await connectAs(stack, stack.nats.admin)
})
afterAll(async () => {
  await admin?.close()
  await stack?.stop()
  await dropDatabase(stack.databaseUrl)
  fs.rmSync(dataDir, { recursive: true, force: true })
})

interface Info {
  readonly config: { readonly num_replicas: number }
  readonly cluster: { readonly leader: string; readonly replicas: ReadonlyArray<{ name: string }> }
}

const info = (stream: string) =>
  Effect.runPromise(request<Info>(admin, `STREAM.INFO.${stream}`, undefined, 1_000))

const publish = (id: number) =>
  Effect.runPromise(
    append(admin, [{ subject: "events.test.x", headers: [], payload: `${id}` }])
  )

test("in a cluster every stream and bucket has three copies, on three servers", async () => {
  expect(replicasOf(admin)).toBe(3)
  for (const { name } of topology(1)) {
    const { cluster, config } = await info(name)
    expect(config.num_replicas, name).toBe(3)
    const holders = [cluster.leader, ...cluster.replicas.map((one) => one.name)]
    expect(holders.sort(), name).toEqual([...natsMembers])
  }
})

test("a merchant's user is known to every server", async () => {
  const credentials = await stack.merchantCredentials("acme")
  for (const member of natsMembers) {
    const nc = await connectAs({ ...stack, natsUrls: [stack.url(member)] }, credentials)
    await nc.close()
  }
})

test("a worker whose leases are not written asks for another leader of their bucket, and gets one", async () => {
  const nc = await connectAs(stack, stack.nats.worker)
  // As a server whose disk was full: to writes of leases it says nothing.
  const deaf: BusClient = {
    publish: (...args) => nc.publish(...args),
    subscribe: (...args) => nc.subscribe(...args),
    flush: () => nc.flush(),
    close: () => nc.close(),
    ...(nc.info !== undefined && { info: nc.info }),
    request: (subject, ...rest) =>
      subject.startsWith("$KV.leases.")
        ? Promise.reject(new Error("timeout"))
        : nc.request(subject, ...rest)
  }
  const { cluster: { leader } } = await info("KV_leases")
  const placed = Effect.runFork(
    Effect.scoped(place({
      link: { nc: deaf, inboxPrefix: "_INBOX.worker" },
      worker: "deaf",
      slots: [],
      partitions: PARTITIONS,
      ttlMillis: 500,
      families: [],
      familiesOf: () => [],
      run: () => Effect.void
    })) as Effect.Effect<void, unknown>
  )
  await eventually(async () => {
    const present = await info("KV_leases")
    return present.cluster.leader !== undefined && present.cluster.leader !== leader || undefined
  })
  await Effect.runPromise(Fiber.interrupt(placed))
  await nc.close()
})

test("any server killed or frozen, streams take messages again and it comes back with all of them", async () => {
  let id = 0
  for (const member of natsMembers) {
    await stack.kill(member)
    await eventually(() => publish(id++), 30_000)
    await stack.restart(member)
    await eventually(async () => await stack.healthy() || undefined, 60_000)
    stack.freeze(member)
    await eventually(() => publish(id++), 30_000)
    stack.thaw(member)
    await eventually(async () => await stack.healthy() || undefined, 60_000)
  }
  const { cluster } = await info("EVENTS")
  expect([cluster.leader, ...cluster.replicas.map((one) => one.name)].sort())
    .toEqual([...natsMembers])
})
