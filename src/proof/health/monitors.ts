import { Effect } from "effect"
import { fullness } from "./room.ts"
import type { Signal } from "./signal.ts"

const ANSWER_MILLIS = 1_000
/** A stream whose write failed once takes nothing more, whatever room there is now. */
const WRITE_FAILED = /(stream '.*' write error)/

interface Jsz {
  readonly storage?: number
  readonly config?: { readonly max_storage?: number }
}

/** What servers say of themselves where they are monitored. Who cannot ask them learns nothing from it. */
export const monitorSignals = (urls: ReadonlyArray<string>) =>
  Effect.map(
    Effect.forEach(urls, (url) => Effect.promise(() => signalsOf(url)), {
      concurrency: "unbounded"
    }),
    (each) => each.flat()
  )

const asked = <A>(url: string): Promise<A | undefined> =>
  fetch(url, { signal: AbortSignal.timeout(ANSWER_MILLIS) })
    .then((answer) => answer.json() as Promise<A>)
    .catch(() => undefined)

const signalsOf = async (url: string): Promise<ReadonlyArray<Signal>> => {
  const host = URL.parse(url)?.host ?? url
  const [health, stored] = await Promise.all([
    asked<{ status?: string; error?: string }>(`${url}/healthz`),
    asked<Jsz>(`${url}/jsz`)
  ])
  if (health === undefined) {
    return [{
      signal: "writes",
      state: "unknown",
      found: `the monitoring of nats-server ${host} does not answer`
    }]
  }
  const full = fullness(
    `JetStream of nats-server ${host}`,
    stored?.storage ?? 0,
    stored?.config?.max_storage ?? 0
  )
  const found: Array<Signal> = full === undefined ? [] : [full]
  if (health.error !== undefined) {
    // The rest of it names files.
    const [failed] = WRITE_FAILED.exec(health.error) ?? []
    found.push({
      signal: "writes",
      state: failed === undefined ? "poor" : "bad",
      found: failed === undefined
        ? `nats-server ${host} is not well: ${health.error}`
        : `nats-server ${host}: ${failed}. It takes nothing until the server is started again`
    })
  }
  return found
}
