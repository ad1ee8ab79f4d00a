import * as fs from "node:fs"
import { merchantUsersIn } from "./natsConfiguration.ts"
import {
  credentialsBy,
  type NatsCredentials,
  type NatsRole,
  type Stack,
  StackError
} from "./stack.ts"

type Environment = Readonly<Record<string, string | undefined>>

/** Servers that run already: `LASTRO_NATS_URL` (comma separated) and `DATABASE_URL`. */
export const givenStack = (environment: Environment): Stack | undefined => {
  const natsUrl = environment["LASTRO_NATS_URL"]
  const databaseUrl = environment["DATABASE_URL"]
  if (natsUrl === undefined && databaseUrl === undefined) return undefined
  if (natsUrl === undefined || databaseUrl === undefined) {
    throw new StackError(
      "LASTRO_NATS_URL and DATABASE_URL go together: give both, or neither for the embedded servers."
    )
  }
  const urls = natsUrl.split(",").map((url) => url.trim())
  const first = new URL(urls[0]!)
  const passwords = passwordsOf(environment)
  const credentials = (role: NatsRole): NatsCredentials => {
    const name = `LASTRO_NATS_${role.toUpperCase()}`
    return {
      user: environment[`${name}_USER`] ?? (first.username || role),
      password: environment[`${name}_PASSWORD`] ?? passwords[role] ??
        decodeURIComponent(first.password)
    }
  }
  return {
    natsUrls: urls.map((url) => `nats://${new URL(url).host}`),
    natsMonitorUrl: environment["LASTRO_NATS_MONITOR_URL"] ?? `http://${first.hostname}:8222`,
    nats: credentialsBy(credentials),
    databaseUrl,
    merchantCredentials: () =>
      Promise.reject(
        new StackError(
          "merchants' NATS users are made by the operator of the given servers: lastro users --merchant prints one."
        )
      ),
    merchantUsers: merchantUsersIn(passwords),
    stop: () => Promise.resolve()
  }
}

/** A password for each user, as `start` keeps them in `nats/passwords.json` below its data folder. */
const passwordsOf = (environment: Environment): Readonly<Record<string, string>> => {
  const file = environment["LASTRO_NATS_PASSWORDS_FILE"]
  if (file === undefined) return {}
  try {
    return JSON.parse(fs.readFileSync(file, "utf8"))
  } catch (error) {
    throw new StackError(
      `LASTRO_NATS_PASSWORDS_FILE cannot be read: ${(error as Error).message.split("\n")[0]}`
    )
  }
}
