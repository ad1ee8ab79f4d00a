import { hash, randomBytes } from "node:crypto"
import { Effect, Exit, Scope } from "effect"
import { type NatsLink, open } from "../../bus/connection.ts"
import { type ClusterStack, natsMembers } from "../../stack/cluster.ts"
import type { Violations } from "./promises.ts"
import type { ChaosRecord, Stored } from "./record.ts"

/** What a server adds to a message that it answers with. */
const ADDED = new Set([
  "Nats-Stream",
  "Nats-Subject",
  "Nats-Sequence",
  "Nats-Time-Stamp",
  "Nats-Num-Pending",
  "Nats-Last-Sequence"
])
const PAGE_MESSAGES = 500
const ANSWER_MILLIS = 10_000
/** Differences that are told of each copy of a stream. */
const TOLD_MAX = 3
const TRIES_MAX = 20
const AGAIN_MILLIS = 500

const rest = (millis: number) => new Promise<void>((resolve) => setTimeout(resolve, millis))

interface Copied {
  readonly seq: number
  readonly subject: string
  readonly digest: string
}

const digestOf = (data: Uint8Array, headers: ReadonlyArray<readonly [string, string]>): string =>
  hash(
    "md5",
    JSON.stringify(headers.toSorted(([one], [other]) => one < other ? -1 : 1)) + hash("md5", data)
  )

const copiedOf = ({ data, headers, seq, subject }: Stored): Copied => ({
  seq,
  subject,
  digest: digestOf(data, Object.entries(headers))
})

/**
 * A page of the copy that the server of this connection has: a direct get is answered by any server
 * with a copy, and by the one asked where it has one, unless a server hangs: then some questions went to
 * others (seen), so this is asked when all are up.
 */
const pageOf = ({ inboxPrefix, nc }: NatsLink, stream: string, seq: number) =>
  new Promise<ReadonlyArray<Copied>>((resolve, reject) => {
    const page: Array<Copied> = []
    const inbox = `${inboxPrefix}.${randomBytes(8).toString("hex")}`
    const finish = (end: () => void) => {
      clearTimeout(timer)
      subscription.unsubscribe()
      end()
    }
    const timer = setTimeout(
      () => finish(() => reject(new Error(`${stream} from ${seq}: no answer`))),
      ANSWER_MILLIS
    )
    const subscription = nc.subscribe(inbox, {
      callback: (error, { data, headers }) => {
        if (error !== null) return finish(() => reject(error))
        const status = headers?.code ?? 0
        if (status === 204 || status === 404) return finish(() => resolve(page))
        if (status !== 0) return finish(() => reject(new Error(`${stream}: ${status}`)))
        const found = (headers?.keys() ?? []).map((name) => [name, headers!.get(name)] as const)
        page.push({
          seq: Number(headers!.get("Nats-Sequence")),
          subject: headers!.get("Nats-Subject"),
          digest: digestOf(data, found.filter(([name]) => !ADDED.has(name)))
        })
      }
    })
    nc.publish(
      `$JS.API.DIRECT.GET.${stream}`,
      JSON.stringify({ seq, batch: PAGE_MESSAGES, next_by_subj: ">" }),
      { reply: inbox }
    )
  })

/** A server that has just come back may not answer yet. */
const patientPage = async (link: NatsLink, stream: string, seq: number) => {
  for (let tries = 1;; tries++) {
    try {
      return await pageOf(link, stream, seq)
    } catch (error) {
      if (tries === TRIES_MAX) throw error
      await rest(AGAIN_MILLIS)
    }
  }
}

/** How one copy of a stream differs from what was read of the stream. */
export const differencesOf = async (
  link: NatsLink,
  place: { readonly member: string; readonly stream: string },
  messages: ReadonlyArray<Stored>
): Promise<Violations> => {
  const { member, stream } = place
  const wrong: Array<string> = []
  let [at, seq, waits] = [0, 1, 0]
  const text = (one: Copied | undefined) =>
    one === undefined ? "nothing" : `${one.seq} ${one.subject} ${one.digest.slice(0, 8)}`
  for (;;) {
    const page = await patientPage(link, stream, seq)
    for (const copied of page) {
      const message = messages[at++]
      const should = message === undefined ? undefined : copiedOf(message)
      if (text(copied) !== text(should)) {
        wrong.push(`${stream} in ${member}: ${text(copied)} where ${text(should)} was read`)
      }
    }
    // A copy may be behind: what it lacks now may be on its way to it.
    if (page.length === 0) {
      if (at >= messages.length || ++waits > TRIES_MAX) break
      await rest(AGAIN_MILLIS)
    } else seq = page.at(-1)!.seq + 1
  }
  if (at < messages.length) {
    wrong.push(`${stream} in ${member}: ${messages.length - at} are missing`)
  }
  return wrong.length <= TOLD_MAX
    ? wrong
    : [...wrong.slice(0, TOLD_MAX), `${stream} in ${member}: ${wrong.length} differences in all`]
}

/** Every stream's copies, each as its own server has it, against what was read of the stream. */
export const copiesApart = async (
  stack: ClusterStack,
  { streams }: ChaosRecord
): Promise<Violations> => {
  const scope = Scope.makeUnsafe()
  const wrong: Array<string> = []
  try {
    for (const member of natsMembers) {
      const access = { urls: [stack.url(member)], ...stack.nats.admin, name: "chaos-copies" }
      const link = await Effect.runPromise(open(access).pipe(Scope.provide(scope)))
      for (const [stream, messages] of streams) {
        wrong.push(...await differencesOf(link, { member, stream }, messages))
      }
    }
  } finally {
    await Effect.runPromise(Scope.close(scope, Exit.void))
  }
  return wrong
}
