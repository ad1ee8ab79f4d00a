import { randomBytes } from "node:crypto"
import * as fs from "node:fs"
import { join } from "node:path"
import { ingressMapping } from "../../streams/mailboxes.ts"
import { fromProducers, type NatsAccount, type NatsUser, natsUsers } from "../../streams/users.ts"
import type { NatsCredentials } from "./stack.ts"

interface NatsConfiguration {
  /** Address and port for clients, and for the monitoring endpoint. */
  readonly client: string
  readonly monitor: string
  readonly storeDir: string
  /** Lines of the `jetstream` block. */
  readonly settings: string
  /** Lines that make it one of several. */
  readonly cluster: ReadonlyArray<string>
}

type Passwords = Readonly<Record<string, string>>

const PASSWORD_BYTES = 24
const MERCHANT = "merchant-"

/** Passwords of all users, kept in a file: those known, and new ones for who has none yet. */
export const keptPasswords = (
  file: string,
  added: ReadonlyArray<string>
): Passwords => {
  const passwords: Record<string, string> = fs.existsSync(file)
    ? JSON.parse(fs.readFileSync(file, "utf8"))
    : {}
  for (const { name } of natsUsers([...merchantsIn(passwords), ...added])) {
    passwords[name] ??= randomBytes(PASSWORD_BYTES).toString("base64url")
  }
  writePrivate(file, JSON.stringify(passwords))
  return passwords
}

const merchantsIn = (passwords: Passwords): ReadonlyArray<string> =>
  Object.keys(passwords).filter((user) => user.startsWith(MERCHANT))
    .map((user) => user.slice(MERCHANT.length))

export const merchantUsersIn = (passwords: Passwords): ReadonlyArray<NatsCredentials> =>
  merchantsIn(passwords).map((merchant) => {
    const user = MERCHANT + merchant
    return { user, password: passwords[user]! }
  })

/** The configuration file of a server with these users (docs/protocol.md §10). */
export const natsConfiguration = (
  { client, cluster, monitor, settings, storeDir }: NatsConfiguration,
  passwords: Passwords
): string => {
  return [
    `listen: ${client}`,
    `http: ${monitor}`,
    `jetstream {`,
    `  store_dir: ${JSON.stringify(storeDir)}`,
    `  max_file_store: 1TB`,
    `  ${settings}`,
    `}`,
    ...cluster,
    ...accountsConfiguration(passwords),
    ``
  ].join("\n")
}

/** The accounts of every server with all users whose passwords are given, for this number of partitions. */
export const accountsConfiguration = (passwords: Passwords): ReadonlyArray<string> => {
  const users = natsUsers(merchantsIn(passwords))
  const usersOf = (account: NatsAccount) =>
    users.filter((user) => user.account === account)
      .map((user) => `      ${userLine(user, passwords)}`)
  const { services, streams } = fromProducers
  const theMachines = (subject: string) => `{ account: LASTRO, subject: "${subject}" }`
  return [
    `accounts {`,
    `  LASTRO {`,
    `    jetstream: enabled`,
    MAPPINGS,
    `    users: [`,
    ...usersOf("LASTRO"),
    `    ]`,
    `    exports: [`,
    ...services.map((subject) => `      { service: "${subject}", accounts: [PRODUCERS] }`),
    ...streams.map((subject) => `      { stream: "${subject}", accounts: [PRODUCERS] }`),
    `    ]`,
    `  }`,
    `  PRODUCERS {`,
    MAPPINGS,
    `    users: [`,
    ...usersOf("PRODUCERS"),
    `    ]`,
    `    imports: [`,
    ...services.map((subject) => `      { service: ${theMachines(subject)} }`),
    ...streams.map((subject) => `      { stream: ${theMachines(subject)} }`),
    `    ]`,
    `  }`,
    `}`
  ]
}

/** Each account maps what its own users publish. */
const MAPPINGS = `    mappings: { "${ingressMapping.src}": "${ingressMapping.dest}" }`

/** Quoted: a bare password that starts with a dash or a digit is read as a number. */
const userLine = (user: NatsUser, passwords: Passwords): string => {
  const list = (subjects: ReadonlyArray<string>) => JSON.stringify(subjects)
  return `{ user: "${user.name}", password: "${passwords[user.name]}", permissions: {` +
    ` publish: { allow: ${list(user.publish)} }, subscribe: { allow: ${list(user.subscribe)} } } }`
}

/** One merchant's user, for the `users` of the account PRODUCERS. */
export const merchantConfiguration = (merchant: string, passwords: Passwords): string =>
  userLine(natsUsers([merchant]).find(({ name }) => name === MERCHANT + merchant)!, passwords)

/** Streams lie below the name of their account; those of a version that had one account move along. */
export const moveToAccount = (storeDir: string): void => {
  const [former, present] = ["$G", "LASTRO"].map((account) => join(storeDir, "jetstream", account))
  if (fs.existsSync(former!) && !fs.existsSync(present!)) fs.renameSync(former!, present!)
}

export const writePrivate = (file: string, text: string): void => {
  fs.writeFileSync(file, text, { mode: 0o600 })
  fs.chmodSync(file, 0o600)
}
