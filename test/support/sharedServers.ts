import { randomBytes, randomUUID } from "node:crypto"
import { join } from "node:path"
import { expect, inject } from "vitest"
import {
  keptPasswords,
  natsConfiguration,
  writePrivate
} from "../../src/stack/natsConfiguration.ts"
import { credentialsBy, type NatsCredentials, type Stack } from "../../src/stack/stack.ts"
import { dropDatabase, ensureDatabase } from "../../src/store/provision.ts"
import { connectAs } from "./natsUser.ts"

/** A nats-server of one vitest worker. Whoever has it gives it the accounts. */
export interface SharedNats {
  readonly folder: string
  readonly pid: number
  readonly url: string
  readonly monitorUrl: string
}

/** Servers that others use after this file: with an account and a database of its own, and not to be killed. */
export interface SharedStack extends Stack {
  readonly passwordsFile: string
}

const LOADED_MILLIS = 20_000
/** As `src/stack` starts one: on ports of its own choice, which it keeps when it reads its configuration again. */
const ANY = "127.0.0.1:-1"
const SYNCED = "sync_interval: always"

/** A fresh database on the server that all workers share. */
export const freshDatabaseUrl = (): string => {
  const url = new URL(inject("postgresUrl"))
  url.pathname = `/test_${randomBytes(6).toString("hex")}`
  return url.href
}

/** The file that has this worker's nats-server: one that failed before it could give it back loses it. */
let holder: string | undefined

/** This worker's nats-server with one account, which nobody had before, and PostgreSQL with one database. */
export const sharedStack = async (): Promise<SharedStack> => {
  const file = expect.getState().testPath
  if (holder === file) throw new Error("this file has the shared servers already: stop those first")
  holder = file
  const nats = inject("natsServers")[Number(process.env["VITEST_POOL_ID"]) - 1]!
  const name = randomBytes(4).toString("hex")
  const passwordsFile = join(nats.folder, `passwords-${name}.json`)
  const databaseUrl = freshDatabaseUrl()
  const [passwords] = await Promise.all([
    giveNewAccount(nats, name, keptPasswords(passwordsFile, [])),
    ensureDatabase(databaseUrl, inject("migratedDatabase"))
  ])
  const credentials = (user: string, known = passwords): NatsCredentials => ({
    user,
    password: known[user]!
  })
  const stack = {
    natsUrls: [nats.url],
    natsMonitorUrl: nats.monitorUrl,
    nats: credentialsBy(credentials),
    databaseUrl,
    passwordsFile,
    merchantCredentials: async (merchant: string) => {
      const known = await giveAccount(nats, name, keptPasswords(passwordsFile, [merchant]))
      return credentials(`merchant-${merchant}`, known)
    }
  }
  return {
    ...stack,
    stop: async () => {
      await deleteStreams(stack)
      await dropDatabase(databaseUrl)
      holder = undefined
    }
  }
}

type Passwords = ReturnType<typeof keptPasswords>

/**
 * A running server wires what one account imports of another by mapped subjects only where it knew both
 * before: so it reads of them twice, and the second time the users differ.
 */
const giveNewAccount = async (nats: SharedNats, name: string, passwords: Passwords) => {
  const others = Object.fromEntries(Object.keys(passwords).map((user) => [user, randomUUID()]))
  await giveAccount(nats, name, others)
  return await giveAccount(nats, name, passwords)
}

/** From then on there is this account only: whoever is connected to another one is sent away. */
const giveAccount = async (
  { folder, monitorUrl, pid }: SharedNats,
  name: string,
  passwords: Passwords
): Promise<Passwords> => {
  const text = natsConfiguration({
    client: ANY,
    monitor: ANY,
    storeDir: join(folder, "data"),
    settings: SYNCED,
    cluster: []
  }, passwords)
  const before = await loadedAt(monitorUrl)
  writePrivate(
    join(folder, "nats.conf"),
    text.replace(/\b(LASTRO|PRODUCERS)\b/g, (account) => `${account}_${name}`)
  )
  process.kill(pid, "SIGHUP")
  const end = Date.now() + LOADED_MILLIS
  while (await loadedAt(monitorUrl) === before) {
    if (Date.now() > end) throw new Error(`nats-server reads no configuration: see ${folder}/log`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  return passwords
}

const loadedAt = async (monitorUrl: string): Promise<string> =>
  (await (await fetch(`${monitorUrl}/varz`)).json() as { config_load_time: string })
    .config_load_time

/** What they reserve of the server's room, the next account needs. */
const deleteStreams = async (stack: Pick<Stack, "nats" | "natsUrls">): Promise<void> => {
  const nc = await connectAs(stack, stack.nats.admin)
  const { streams } = (await nc.request("$JS.API.STREAM.NAMES"))
    .json<{ streams: ReadonlyArray<string> | null }>()
  await Promise.all((streams ?? []).map((one) => nc.request(`$JS.API.STREAM.DELETE.${one}`)))
  await nc.close()
}
