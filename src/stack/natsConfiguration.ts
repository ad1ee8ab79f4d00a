import { randomBytes } from "node:crypto"
import * as fs from "node:fs"
import { ingressMapping } from "../../streams/mailboxes.ts"
import { natsUsers } from "../../streams/users.ts"

export interface NatsConfiguration {
  /** Address and port for clients, and for the monitoring endpoint. */
  readonly client: string
  readonly monitor: string
  readonly storeDir: string
  /** Lines of the `jetstream` block. */
  readonly settings: string
  /** Lines that make it one of several. */
  readonly cluster: ReadonlyArray<string>
}

const PASSWORD_BYTES = 24
const MERCHANT = "merchant-"

/** Passwords of all users, kept in a file: those known, and new ones for who has none yet. */
export const keptPasswords = (
  file: string,
  added: ReadonlyArray<string>
): Readonly<Record<string, string>> => {
  const passwords: Record<string, string> = fs.existsSync(file)
    ? JSON.parse(fs.readFileSync(file, "utf8"))
    : {}
  for (const { name } of natsUsers([...merchantsIn(passwords), ...added])) {
    passwords[name] ??= randomBytes(PASSWORD_BYTES).toString("base64url")
  }
  writePrivate(file, JSON.stringify(passwords))
  return passwords
}

const merchantsIn = (passwords: Readonly<Record<string, string>>): ReadonlyArray<string> =>
  Object.keys(passwords).filter((user) => user.startsWith(MERCHANT))
    .map((user) => user.slice(MERCHANT.length))

/** The configuration file of a server with these users (PROTOCOL §10). */
export const natsConfiguration = (
  { client, cluster, monitor, settings, storeDir }: NatsConfiguration,
  passwords: Readonly<Record<string, string>>
): string => {
  const list = (subjects: ReadonlyArray<string>) => JSON.stringify(subjects)
  // Quoted: a bare password that starts with a dash or a digit is read as a number.
  const users = natsUsers(merchantsIn(passwords)).map((user) =>
    `    { user: "${user.name}", password: "${passwords[user.name]}", permissions: {` +
    ` publish: { allow: ${list(user.publish)} }, subscribe: { allow: ${list(user.subscribe)} } } }`
  )
  return [
    `listen: ${client}`,
    `http: ${monitor}`,
    `jetstream {`,
    `  store_dir: ${JSON.stringify(storeDir)}`,
    `  max_file_store: 1TB`,
    `  ${settings}`,
    `}`,
    ...cluster,
    `mappings: { "${ingressMapping.src}": "${ingressMapping.dest}" }`,
    `authorization {`,
    `  users: [`,
    ...users,
    `  ]`,
    `}`,
    ``
  ].join("\n")
}

export const writePrivate = (file: string, text: string): void => {
  fs.writeFileSync(file, text, { mode: 0o600 })
  fs.chmodSync(file, 0o600)
}
