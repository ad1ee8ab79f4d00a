import { rmSync } from "node:fs"
import type { NatsConnection } from "@nats-io/transport-node"
import { afterAll, beforeAll, expect, test } from "vitest"
import { differencesOf } from "../../src/trials/chaos/copies.ts"
import { readStream, type Stored } from "../../src/trials/chaos/record.ts"
import { prepare } from "../../src/house/prepare.ts"
import { type ClusterStack, natsMembers, startCluster } from "../../src/stack/cluster.ts"
import { dropDatabase } from "../../src/store/provision.ts"
import { partitionOf } from "../../src/domain/partition.ts"
import { PARTITIONS } from "../../streams/mailboxes.ts"
import { freshDatabaseUrl, testFolder } from "../support/lastro.ts"
import { connectAs } from "../support/machine.ts"

const STREAM = "PAYMENTS"
const merchants = Array.from({ length: 40 }, (_, index) => `m-${index}`)

let dataDir: string
let stack: ClusterStack
const links = new Map<string, NatsConnection>()
const linkTo = (member: string) => ({ nc: links.get(member)!, inboxPrefix: "_INBOX.admin" })
let messages: ReadonlyArray<Stored>

beforeAll(async () => {
  dataDir = testFolder("copies")
  stack = await startCluster({ dataDir, databaseUrl: freshDatabaseUrl() })
  await prepare(stack, () => {})
  for (const member of natsMembers) {
    links.set(member, await connectAs({ natsUrls: [stack.url(member)] }, stack.nats.admin))
  }
  for (const [index, merchant] of merchants.entries()) {
    const nc = links.get(natsMembers[index % natsMembers.length]!)!
    await nc.request(`lastro.payments.create.${merchant}`, `"${index}"`, { timeout: 10_000 })
  }
  messages = await readStream(linkTo("nats-1"), STREAM)
}, 120_000)
afterAll(async () => {
  for (const nc of links.values()) await nc.close()
  await stack?.stop()
  await dropDatabase(stack.databaseUrl)
  rmSync(dataDir, { recursive: true, force: true })
}, 60_000)

const apart = (member: string, expected = messages) =>
  differencesOf(linkTo(member), { member, stream: STREAM }, expected)

test("G1: a command has its partition in every copy, whichever server took it", async () => {
  expect(messages.map(({ subject }) => subject)).toEqual(
    merchants.map((one) => `payments.${partitionOf(one, PARTITIONS)}.ingress.create.${one}`)
  )
  for (const member of natsMembers) {
    await expect.poll(() => apart(member), { timeout: 20_000 }).toEqual([])
  }
})

test("a copy with another subject, other content or a message less is told of", async () => {
  const [first, second] = messages
  const subject = "lastro.payments.create.m-0"
  expect(await apart("nats-2", [{ ...first!, subject }, ...messages.slice(1)])).toEqual([
    expect.stringMatching(/^PAYMENTS in nats-2: 1 payments\.\S+ .* where 1 lastro\./)
  ])
  const data = new TextEncoder().encode("other")
  expect(await apart("nats-3", [first!, { ...second!, data }, ...messages.slice(2)]))
    .toHaveLength(1)
  expect(await apart("nats-1", [...messages, { ...second!, seq: messages.length + 1 }])).toEqual([
    "PAYMENTS in nats-1: 1 are missing"
  ])
}, 60_000)
