import { type ClusterStack, natsMembers } from "../../stack/cluster.ts"
import { Proxy } from "../../stack/proxy.ts"
import type { Stack } from "../../stack/stack.ts"

/** One worker's own way to the servers: what happens to it happens to nobody else. */
export interface Wiring {
  readonly stack: Stack
  readonly nats: ReadonlyArray<Proxy>
  readonly postgres: Proxy
  readonly cuts: () => number
  readonly close: () => Promise<void>
}

const portOf = (url: string): number => Number(new URL(url).port)

export const wire = async (cluster: ClusterStack): Promise<Wiring> => {
  const nats = await Promise.all(
    natsMembers.map((member) => Proxy.before(portOf(cluster.url(member))))
  )
  const postgres = await Proxy.before(portOf(cluster.databaseUrl))
  const databaseUrl = new URL(cluster.databaseUrl)
  databaseUrl.port = String(postgres.port)
  const all = [...nats, postgres]
  return {
    stack: {
      ...cluster,
      natsUrls: nats.map(({ port }) => `nats://127.0.0.1:${port}`),
      databaseUrl: databaseUrl.href
    },
    nats,
    postgres,
    cuts: () => all.reduce((sum, proxy) => sum + proxy.cuts, 0),
    close: async () => {
      await Promise.all(all.map((proxy) => proxy.close()))
    }
  }
}
