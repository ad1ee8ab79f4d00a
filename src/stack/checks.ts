import { checkServer, ServerTooOld } from "../store/provision.ts"
import { isRecentEnough } from "./natsBinary.ts"
import { type Stack, StackError } from "./stack.ts"

interface Varz {
  readonly version: string
  readonly jetstream?: { readonly config?: { readonly sync_always?: boolean } }
}

/** Where several endpoints are named, commas stand between them. */
const monitorsOf = ({ natsMonitorUrl }: Stack): ReadonlyArray<string> =>
  natsMonitorUrl.split(",").map((url) => url.trim().replace(/\/$/, ""))

/** Refuses servers on which the promises would not hold, and says why. */
export const checkStack = async (stack: Stack): Promise<void> => {
  const asked = monitorsOf(stack)
  const answers = await Promise.all(asked.map(varzOf))
  const said = answers.filter((varz) => varz !== undefined)
  // One of a cluster's servers may be away; what those that answer say must be right.
  if (said.length === 0) {
    throw new StackError(
      `NATS does not answer at ${asked.map((url) => `${url}/varz`).join(", ")}, where its sync ` +
        "mode is read: turn on its monitoring port or name it in LASTRO_NATS_MONITOR_URL."
    )
  }
  for (const varz of said) checkNats(varz)
  await checkServer(stack.databaseUrl).catch((error) => {
    throw databaseRefused(stack.databaseUrl, error)
  })
}

const varzOf = (url: string): Promise<Varz | undefined> =>
  fetch(`${url}/varz`).then(
    (answer) => answer.json() as Promise<Varz>,
    () => undefined
  )

const checkNats = (varz: Varz): void => {
  if (!isRecentEnough(varz.version)) {
    throw new StackError(
      `nats-server ${varz.version} is too old: atomic batches and schedules need 2.14 or later.`
    )
  }
  if (varz.jetstream?.config?.sync_always !== true) {
    throw new StackError(
      "nats-server runs without `sync_interval: always`: it would acknowledge payments that a power " +
        "failure loses. Add it to the jetstream block of its configuration."
    )
  }
}

/** What is wrong with PostgreSQL, as a sentence with the address in it. */
export const databaseRefused = (url: string, error: unknown): StackError => {
  const { message } = error as Error
  if (error instanceof ServerTooOld) return new StackError(message)
  // A refused connection on several addresses has no message of its own.
  const said = message || (error as { code?: string }).code || "no answer"
  return new StackError(
    `PostgreSQL (DATABASE_URL, ${hostOf(url)}) cannot be used: ${said}: begin again when it answers`
  )
}

const hostOf = (url: string): string => URL.parse(url)?.host ?? "not a URL"
