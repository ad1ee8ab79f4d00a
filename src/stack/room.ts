import type { Stack } from "./stack.ts"

/** What JetStream may take on one server, and what of it no stream has reserved yet. */
export interface Room {
  readonly server: string
  readonly mostBytes: number
  readonly freeBytes: number
}

interface Jsz {
  readonly config?: { readonly max_storage?: number }
  readonly reserved_storage?: number
}

const ANSWER_MILLIS = 2_000

/** Of every server whose monitoring endpoint is named and answers. */
export const roomsOf = async ({ natsMonitorUrl }: Stack): Promise<ReadonlyArray<Room>> => {
  const urls = natsMonitorUrl.split(",").map((url) => url.trim().replace(/\/$/, ""))
  const found = await Promise.all(urls.map(roomOf))
  return found.filter((room) => room !== undefined)
}

const roomOf = async (url: string): Promise<Room | undefined> => {
  try {
    const answer = await fetch(`${url}/jsz`, { signal: AbortSignal.timeout(ANSWER_MILLIS) })
    const { config, reserved_storage } = await answer.json() as Jsz
    const mostBytes = config?.max_storage
    if (mostBytes === undefined) return undefined
    const freeBytes = mostBytes - (reserved_storage ?? 0)
    return { server: new URL(url).host, mostBytes, freeBytes }
  } catch {
    return undefined
  }
}
