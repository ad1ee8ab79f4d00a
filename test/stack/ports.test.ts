import * as fs from "node:fs"
import { type AddressInfo, createServer, type Server } from "node:net"
import { join } from "node:path"
import { afterAll, afterEach, expect, test } from "vitest"
import { startCluster } from "../../src/stack/cluster.ts"
import { NatsServer } from "../../src/stack/natsServer.ts"
import { AddressTaken, freePort, onFreePorts } from "../../src/stack/ports.ts"
import { PostgresServer } from "../../src/stack/postgresServer.ts"
import { startSimulator } from "../../src/simulators/card/server.ts"
import { dropDatabase } from "../../src/store/provision.ts"
import { freshDatabaseUrl, testFolder } from "../support/lastro.ts"
import { query } from "../support/query.ts"

const folder = testFolder("ports")
const others: Array<Server> = []

/** Somebody else's server. */
const other = async (port = 0): Promise<number> => {
  const server = createServer((socket) => socket.destroy())
  others.push(server)
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve))
  return (server.address() as AddressInfo).port
}

const othersGo = () =>
  Promise.all(others.splice(0).map((server) => new Promise((gone) => server.close(gone))))

/** Ports that are free when they are handed out, of which the first is taken before anybody uses it. */
const takenInBetween = () => {
  let handed = 0
  return async () => {
    const port = await freePort()
    if (handed++ === 0) await other(port)
    return port
  }
}

const progress = () => {}

afterEach(othersGo)
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }))

test("a PostgreSQL whose port is taken before it listens starts on another", async () => {
  const server = await PostgresServer.start(join(folder, "postgres"), {
    progress,
    fsync: false,
    freePort: takenInBetween()
  })
  expect(await query(server.url.replace(/lastro$/, "postgres"), "select 1 as one"))
    .toEqual([{ one: 1 }])
  await server.stop()
})

test("a cluster of which one route's port is taken before its member listens forms on others", async () => {
  const stack = await startCluster({
    dataDir: join(folder, "cluster"),
    databaseUrl: freshDatabaseUrl(),
    freePort: takenInBetween()
  })
  expect(await stack.healthy()).toBe(true)
  await stack.stop()
  await dropDatabase(stack.databaseUrl)
})

test("a nats-server chooses its ports, keeps them over a restart, and yields them to who took them", async () => {
  const home = join(folder, "nats")
  const first = await NatsServer.start(home, { progress })
  const { url } = first
  await first.stop("SIGKILL")
  const taken = await other(Number(new URL(url).port))
  // Its clients know no other address, so a server that was up waits for its own.
  const back = first.launch()
  setTimeout(() => void othersGo(), 300)
  await back
  expect(first.url).toBe(url)
  await first.stop()
  await other(taken)
  const second = await NatsServer.start(home, { progress })
  expect(second.url).not.toBe(url)
  expect(await second.healthy()).toBe(true)
  expect(fs.readdirSync(home).filter((name) => name.endsWith(".ports"))).toEqual([])
  await second.stop()
})

test("the simulator says which port is taken", async () => {
  const port = await other()
  await expect(startSimulator({ file: join(folder, "book.db"), port }))
    .rejects.toThrow(`port ${port} is taken`)
})

test("ports that are taken again and again are told, other failures at once", async () => {
  let starts = 0
  await expect(onFreePorts(() => {
    starts++
    return Promise.reject(new AddressTaken("taken"))
  })).rejects.toThrow("taken")
  expect(starts).toBe(5)
  await expect(onFreePorts(() => {
    starts++
    return Promise.reject(new Error("other"))
  })).rejects.toThrow("other")
  expect(starts).toBe(6)
})
