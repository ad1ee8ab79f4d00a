import { randomBytes } from "node:crypto"
import * as fs from "node:fs"
import { resolve } from "node:path"
import pg from "pg"
import { type Lastro, type LastroSettings, startLastro } from "../../src/house/lastro.ts"
import { type EmbeddedStack, startEmbedded } from "../../src/stack/embedded.ts"
import type { Stack } from "../../src/stack/stack.ts"
import { createApiKey, type NewKey } from "../../src/store/apiKeys.ts"
import { connect, type Db } from "../../src/store/database.ts"
import { assertTold } from "./contract.ts"
import { merchantScopes, operatorScopes } from "../../src/domain/scope.ts"
import { freshDatabaseUrl, sharedStack } from "./sharedServers.ts"

export { freshDatabaseUrl }

/** Lastro as `start` runs it, on shared servers unless it is said otherwise. */
export interface TestLastro<S extends Stack = Stack> {
  readonly lastro: Lastro
  readonly stack: S
  readonly url: string
  readonly db: Db
  readonly logs: Array<string>
  readonly key: (merchant: string) => Promise<string>
  readonly operatorKey: () => Promise<string>
  /** A request with a key; answers status, headers and JSON. */
  readonly ask: (
    key: string | undefined,
    method: "GET" | "POST",
    path: string,
    options?: { body?: unknown; raw?: string; headers?: Record<string, string> }
    // deno-lint-ignore no-explicit-any
  ) => Promise<{ status: number; headers: Headers; json: any }>
  readonly stop: () => Promise<void>
}

export const testFolder = (name: string): string => {
  const folder = resolve(".lastro-test", `${name}-${randomBytes(4).toString("hex")}`)
  fs.mkdirSync(folder, { recursive: true })
  return folder
}

export type OwnLastro = TestLastro<EmbeddedStack>

/** On this worker's servers, which it leaves as they were. */
export const startTestLastro = async (
  settings: Partial<LastroSettings> = {}
): Promise<TestLastro> => startOn(await sharedStack(), testFolder("lastro"), settings)

/** On servers of its own, for who kills, freezes, fills or reconfigures them. */
export const startOwnLastro = async (
  settings: Partial<LastroSettings> = {}
): Promise<OwnLastro> => {
  const dataDir = testFolder("lastro")
  return await startOn(await startEmbedded({ dataDir }), dataDir, settings)
}

const startOn = async <S extends Stack>(
  stack: S,
  dataDir: string,
  settings: Partial<LastroSettings>
): Promise<TestLastro<S>> => {
  const logs: Array<string> = []
  const lastro = await startLastro({
    dataDir,
    port: 0,
    environment: {},
    progress: () => {},
    stack,
    log: (line) => logs.push(line),
    allowPrivateWebhooks: true,
    ...settings
  })
  const db = connect(stack.databaseUrl, 2)
  const keys = new Map<string, string>()
  const keyFor = async (key: NewKey) => {
    const known = keys.get(key.name)
    if (known !== undefined) return known
    const made = await createApiKey(db, key)
    keys.set(key.name, made)
    return made
  }
  return {
    lastro,
    stack,
    url: lastro.edge.url,
    db,
    logs,
    key: (merchant) => keyFor({ name: merchant, merchant, scopes: merchantScopes }),
    operatorKey: () => keyFor({ name: "operator", merchant: "", scopes: operatorScopes }),
    ask: async (key, method, path, options = {}) => {
      const answer = await fetch(lastro.edge.url + path, {
        method,
        headers: {
          ...(key !== undefined && { authorization: `Bearer ${key}` }),
          ...((options.body ?? options.raw) !== undefined &&
            { "content-type": "application/json" }),
          ...options.headers
        },
        ...(options.raw !== undefined
          ? { body: options.raw }
          : options.body !== undefined && { body: JSON.stringify(options.body) })
      })
      const text = await answer.text()
      // Whatever a test asks for, the answer is one that its route declares.
      assertTold(method, path, { status: answer.status, headers: answer.headers, text })
      let json: unknown = text
      try {
        json = JSON.parse(text)
      } catch {
        // Pages and metrics are text.
      }
      return { status: answer.status, headers: answer.headers, json }
    },
    stop: async () => {
      await db.destroy()
      await lastro.stop()
      await stack.stop()
      fs.rmSync(dataDir, { recursive: true, force: true })
    }
  }
}

/** Waits until something holds, and says what it last saw where it never does. */
export const eventually = async <A>(
  look: () => Promise<A | undefined>,
  millis = 30_000
): Promise<A> => {
  const deadline = Date.now() + millis
  let last: unknown
  while (Date.now() < deadline) {
    try {
      const seen = await look()
      if (seen !== undefined) return seen
    } catch (error) {
      last = error
    }
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error(`it never came true within ${millis} ms${last === undefined ? "" : `: ${last}`}`)
}

export const query = async (url: string, text: string, values: Array<unknown> = []) => {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query(text, values)).rows
  } finally {
    await client.end()
  }
}
