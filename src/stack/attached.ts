import * as fs from "node:fs"
import { join } from "node:path"
import { givenStack } from "./given.ts"
import { merchantUsersIn } from "./natsConfiguration.ts"
import { credentialsBy, type Stack, StackError } from "./stack.ts"

/** The servers of the Lastro that runs on this folder, or those that are given. Starts and stops nothing. */
export const attachStack = (
  dataDir: string,
  environment: Readonly<Record<string, string | undefined>>
): Stack => {
  const given = givenStack(environment)
  if (given !== undefined) return given
  const read = (...path: ReadonlyArray<string>): string => {
    const file = join(dataDir, ...path)
    if (!fs.existsSync(file)) {
      throw new StackError(
        `no Lastro ever ran on ${dataDir}: start it first, or set LASTRO_DATA_DIR.`
      )
    }
    return fs.readFileSync(file, "utf8")
  }
  const ports = JSON.parse(read("nats", "ports.json")) as { client: number; monitor: number }
  const passwords = JSON.parse(read("nats", "passwords.json")) as Record<string, string>
  const port = read("postgres", "port").trim()
  return {
    natsUrls: [`nats://127.0.0.1:${ports.client}`],
    natsMonitorUrl: `http://127.0.0.1:${ports.monitor}`,
    nats: credentialsBy((user) => ({ user, password: passwords[user]! })),
    databaseUrl: `postgres://lastro:${read("postgres", "password")}@127.0.0.1:${port}/lastro`,
    merchantCredentials: (merchant) => {
      const user = `merchant-${merchant}`
      const password = passwords[user]
      return password === undefined
        ? Promise.reject(new StackError(`there is no NATS user ${user} yet.`))
        : Promise.resolve({ user, password })
    },
    merchantUsers: merchantUsersIn(passwords),
    stop: () => Promise.resolve()
  }
}
