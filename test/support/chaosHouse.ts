import * as fs from "node:fs"
import { type ChaosHouse, startChaosHouse } from "../../src/trials/chaos/house.ts"
import { type ClusterStack, startCluster } from "../../src/stack/cluster.ts"
import { type EmbeddedStack, startEmbedded } from "../../src/stack/embedded.ts"
import type { Stack } from "../../src/stack/stack.ts"
import { dropDatabase } from "../../src/store/provision.ts"
import { freshDatabaseUrl, testFolder } from "./lastro.ts"

/** A house of processes on servers of its own. */
export interface TestHouse<S extends Stack> extends ChaosHouse {
  readonly stack: S
}

/** Short, so that a test of many kills stays short; take-overs happen after it. */
export const LEASE_MILLIS = 2_000

/** One nats-server and one PostgreSQL, both of which may be killed. */
export const startTestHouse = async (): Promise<TestHouse<EmbeddedStack>> => {
  const dataDir = testFolder("chaos")
  return await housed(await startEmbedded({ dataDir, fsync: true }), dataDir)
}

/**
 * Three nats-servers that may be killed. PostgreSQL is the one all tests share, or one of its own that
 * may be killed, too.
 */
export const startClusterHouse = async (
  { leaseMillis = LEASE_MILLIS, postgres = "shared" }: {
    readonly leaseMillis?: number
    readonly postgres?: "shared" | "own"
  } = {}
): Promise<TestHouse<ClusterStack>> => {
  const dataDir = testFolder("cluster")
  if (postgres === "own") return await housed(await startCluster({ dataDir }), dataDir, leaseMillis)
  const stack = await startCluster({ dataDir, databaseUrl: freshDatabaseUrl() })
  const house = await housed(stack, dataDir, leaseMillis)
  return {
    ...house,
    stop: async () => {
      await house.stop()
      await dropDatabase(stack.databaseUrl)
    }
  }
}

const housed = async <S extends Stack>(
  stack: S,
  dataDir: string,
  leaseMillis = LEASE_MILLIS
): Promise<TestHouse<S>> => {
  const house = await startChaosHouse(stack, { dataDir, leaseMillis })
  return {
    ...house,
    stack,
    stop: async () => {
      await house.stop()
      await stack.stop()
      fs.rmSync(dataDir, { recursive: true, force: true })
    }
  }
}
