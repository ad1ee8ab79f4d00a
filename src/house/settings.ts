import * as fs from "node:fs"
import { isIP } from "node:net"
import { dirname, resolve } from "node:path"
import { nearestOf } from "../domain/nearest.ts"
import { NoPartitionCount, partitionCount } from "../domain/partition.ts"
import { canBeRange } from "../edge/guards/ranges.ts"
import { guardNames } from "../edge/guards/knock.ts"
import type { Environment } from "./environment.ts"
import { isGuard } from "./guards.ts"

/** What a setting has to be, where this text is not it. Values may be secrets: they are not shown. */
type Check = (text: string) => string | undefined

const anything: Check = () => undefined

const wholeNumber = (min: number, max: number): Check => (text) =>
  /^\d{1,7}$/.test(text) && Number(text) >= min && Number(text) <= max
    ? undefined
    : `is a whole number from ${min} to ${max}, not ${JSON.stringify(text)}`

const oneOf = (...words: ReadonlyArray<string>): Check => (text) =>
  words.includes(text) ? undefined : `is ${words.join(" or ")}, not ${JSON.stringify(text)}`

const url = (example: string, ...protocols: ReadonlyArray<string>): Check => (text) => {
  const parsed = URL.parse(text)
  return parsed !== null && protocols.includes(parsed.protocol)
    ? undefined
    : `is a URL like ${example}`
}

const list = (check: Check): Check => (text) =>
  text.split(",").map((part) => check(part.trim())).find((problem) => problem !== undefined)

const web = url("http://10.0.0.1:8222", "http:", "https:")

/** A name with labels of letters, digits and hyphens, or a literal address. */
const host: Check = (text) =>
  isIP(text) !== 0 ||
    /^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/i.test(text)
    ? undefined
    : `is an address or a host's name, not ${JSON.stringify(text)}`

const file: Check = (text) => {
  try {
    fs.accessSync(text, fs.constants.R_OK)
    return fs.statSync(text).isFile() ? undefined : `is a file, which ${text} is not`
  } catch {
    return `names ${text}, which cannot be read`
  }
}

/** The file itself may be made by the command. */
const fileToBe: Check = (text) =>
  fs.existsSync(dirname(resolve(text))) ? undefined : `lies in ${dirname(text)}, which is not there`

const share: Check = (text) =>
  text.trim() !== "" && Number(text) >= 0 && Number(text) <= 1
    ? undefined
    : `is a share from 0 to 1, not ${JSON.stringify(text)}`

const partitions: Check = (text) => {
  try {
    partitionCount(text)
    return undefined
  } catch (error) {
    if (!(error instanceof NoPartitionCount)) throw error
    return error.message.replace(/^LASTRO_PARTITIONS |\.$/g, "")
  }
}

const range: Check = (text) =>
  canBeRange(text)
    ? undefined
    : `is a list of addresses and ranges like 10.0.0.0/8, not ${JSON.stringify(text)}`

const guard: Check = (text) =>
  isGuard(text) ? undefined : `is a list of ${guardNames.join(", ")}, not ${JSON.stringify(text)}`

const users = ["ADMIN", "WORKER", "GATE", "EDGE", "PRODUCER", "OBSERVER"]

const ofTests = [
  "LASTRO_FIXTURES_DIR",
  "LASTRO_HOSTILE_PAYMENTS",
  "LASTRO_INTERLEAVINGS",
  "LASTRO_SEED"
]

/** Every setting there is, wherever it is read. */
const checks: Readonly<Record<string, Check>> = {
  DATABASE_URL: url("postgres://user:password@host:5432/database", "postgres:", "postgresql:"),
  LASTRO_ALLOWED_ADDRESSES: list(range),
  LASTRO_ALLOW_PRIVATE_WEBHOOKS: oneOf("0", "1"),
  LASTRO_AUDIT_KEY_FILE: fileToBe,
  LASTRO_CACHE_DIR: anything,
  LASTRO_DATA_DIR: anything,
  LASTRO_DENIED_ADDRESSES: list(range),
  LASTRO_GATEWAYS_FILE: file,
  LASTRO_GUARDS_WATCHED: list(guard),
  LASTRO_HOST: host,
  LASTRO_NATS_IMAGE: anything,
  LASTRO_NATS_MONITOR_URL: list(web),
  LASTRO_NATS_PASSWORDS_FILE: fileToBe,
  LASTRO_NATS_SERVER: anything,
  LASTRO_NATS_URL: list(url("nats://10.0.0.1:4222", "nats:")),
  LASTRO_OIDC_CLIENT_ID: anything,
  LASTRO_OIDC_CLIENT_SECRET_FILE: file,
  LASTRO_OIDC_ISSUER: web,
  LASTRO_OIDC_ROLES_CLAIM: anything,
  LASTRO_OPERATOR_KEY: (text) => /^\S+$/.test(text) ? undefined : "is one word, a key",
  LASTRO_PARTITIONS: partitions,
  LASTRO_PORT: wholeNumber(0, 65_535),
  LASTRO_POSTGRES_IMAGE: anything,
  LASTRO_PUBLIC_URL: web,
  LASTRO_SIMULATOR_URL: web,
  LASTRO_STACK: oneOf("embedded", "containers"),
  LASTRO_STREAMS_GIB: wholeNumber(1, 1_000_000),
  LASTRO_TERMS_FILE: file,
  LASTRO_TRUSTED_PROXIES: list(range),
  LASTRO_URL: web,
  OTEL_EXPORTER_OTLP_ENDPOINT: web,
  OTEL_TRACES_SAMPLER_ARG: share,
  ...Object.fromEntries(ofTests.map((name) => [name, anything])),
  ...Object.fromEntries(users.flatMap((user) => [
    [`LASTRO_NATS_${user}_USER`, anything],
    [`LASTRO_NATS_${user}_PASSWORD`, anything]
  ]))
}

/** Settings of processes that another command starts, which nobody writes. */
const INTERNAL = /^LASTRO_CHAOS_/

interface Settings {
  /** What was set and is not empty: an empty setting is none. */
  readonly environment: Environment
  /** Sentences, one for each setting that is wrong. */
  readonly faults: ReadonlyArray<string>
  /** Sentences about names that only look like settings. */
  readonly warnings: ReadonlyArray<string>
}

/** Looks at every setting before anything begins: all faults are told at once. */
export const settingsOf = (given: Environment): Settings => {
  const environment = Object.fromEntries(
    Object.entries(given).filter(([name, text]) => !(isOurs(name) && text === ""))
  )
  const faults = Object.entries(checks).flatMap(([name, check]) => {
    const text = environment[name]
    const problem = text === undefined ? undefined : check(text)
    return problem === undefined ? [] : [`${name} ${problem}.`]
  })
  const gateways = textOf(environment["LASTRO_GATEWAYS_FILE"])
  const warnings = Object.keys(environment)
    .filter((name) => name.startsWith("LASTRO_") && !isOurs(name) && !INTERNAL.test(name))
    // A gateway's secrets may stand in variables of any name.
    .filter((name) => !gateways.includes(name))
    .map((name) => {
      const nearest = nearestOf(name, Object.keys(checks))
      return `${name} is no setting of Lastro` +
        (nearest === undefined ? "." : `: did you mean ${nearest}?`)
    })
  return { environment, faults, warnings }
}

/** Whether there is such a setting. */
export const isOurs = (name: string): boolean => Object.hasOwn(checks, name)

const textOf = (path: string | undefined): string => {
  try {
    return path === undefined ? "" : fs.readFileSync(path, "utf8")
  } catch {
    return ""
  }
}
