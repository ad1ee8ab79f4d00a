import { randomUUID } from "node:crypto"
import { hostname, userInfo } from "node:os"
import { parseArgs } from "node:util"
import { derivedId } from "../domain/identifiers.ts"
import { attachStack } from "../stack/attached.ts"
import {
  type AccessKey,
  accessKeys,
  createAccessKey,
  type Ordered,
  revokeAccessKey,
  rotateAccessKey
} from "../store/accessKeys.ts"
import { createClient, revokeClient } from "../store/oauthClients.ts"
import { connect, type Db } from "../store/database.ts"
import type { CliCommand } from "../house/command.ts"
import type { Environment } from "../house/environment.ts"
import { dataDirOf } from "../house/lastro.ts"
import { EXIT_FAILED } from "../house/operator.ts"
import { secondsOf, wantedClient, wantedKey } from "../house/wantedKey.ts"
import { UsageError } from "../house/usage.ts"

const usage = `Usage: lastro access create --merchant ID --name NAME --why TEXT [--test]
         [--scopes a,b] [--role ROLE] [--expires 90d] [--rate N] [--from CIDR,…] [--json]
       lastro access create --operator --name NAME --why TEXT [the same]
       lastro access create --client --name NAME --why TEXT [--merchant ID | --redirect URI,…]
         [--scopes a,b] [--jwks FILE] [--json]
       lastro access rotate <id> [--grace 1d] --why TEXT [--json]
       lastro access revoke <id> --why TEXT [--json]
       lastro access list [--merchant ID] [--json]
       lastro access show <id> [--json]

API keys: who may come in at the edge, and do what (docs/access.md). "create" and "rotate" show a secret
once; nothing keeps it. Without --scopes and --role a key may do what is usual: a merchant's everything
but manage keys and personal data, an operator's everything but manage keys and erase personal data. Its
name is what the audit calls who holds it. After "rotate" the former secret works on for the grace; a
revoked key works nowhere. Each is written down with who did it (this machine's user) and why: GET
/v1/operations/actions.

A client asks for tokens at /oauth/token (docs/access.md): a merchant's, the platform's, or with --redirect
a partner's, to whom merchants consent. "revoke" ends it with all its tokens.

  --jwks               public keys that a client signs assertions with
  --expires, --grace   a time such as 90d, 12h, 30m or 10s
  --rate               requests a second, in the place of the edge's limit
  --from               addresses it is taken from, as CIDR ranges

  DATABASE_URL      the database of the Lastro that is meant, or
  LASTRO_DATA_DIR   the Lastro that runs here (default .lastro)

Exits with 0 where it is done, 1 where there is no such key.`

const options = {
  merchant: { type: "string" },
  operator: { type: "boolean", default: false },
  client: { type: "boolean", default: false },
  redirect: { type: "string" },
  jwks: { type: "string" },
  name: { type: "string" },
  why: { type: "string" },
  test: { type: "boolean", default: false },
  scopes: { type: "string" },
  role: { type: "string" },
  expires: { type: "string" },
  rate: { type: "string" },
  from: { type: "string" },
  grace: { type: "string", default: "1d" },
  json: { type: "boolean", default: false }
} as const

const parse = (args: ReadonlyArray<string>) =>
  parseArgs({ args: [...args], allowPositionals: true, options })
type Given = ReturnType<typeof parse>["values"]

export const access: CliCommand = {
  summary: "API keys: make, rotate, revoke, list, show",
  usage,
  run: async (args, environment) => {
    const { positionals: [verb, ...rest], values } = parse(args)
    const act = actOf(verb, rest, values)
    if (act === undefined) {
      throw new UsageError(
        "say create, list, or show, rotate or revoke <id>; --help says more."
      )
    }
    return await onDatabase(environment, act)
  }
}

/** How identifiers of clients begin. */
const CLIENT = "client_"

type Act = (db: Db) => Promise<number>

/** Everything that is wrong with the words is said before anything is done. */
const actOf = (
  verb: string | undefined,
  [id, ...more]: ReadonlyArray<string>,
  values: Given
): Act | undefined => {
  if (id === undefined) {
    if (verb === "list") return (db) => list(db, values)
    if (verb !== "create") return undefined
    const ordered = orderedFor(values)
    if (values.client) {
      const client = wantedClient(values)
      return async (db) => {
        const made = await createClient(db, client, ordered)
        console.log(
          values.json ? JSON.stringify(made) : `${made.client_id}  ${made.client_secret}`
        )
        return 0
      }
    }
    const key = wantedKey(values, new Date())
    return async (db) => told(await createAccessKey(db, key, ordered), values)
  }
  if (more.length > 0) return undefined
  switch (verb) {
    case "show":
      return async (db) => shown(id, (await accessKeys(db, { id }))[0], values)
    case "rotate": {
      const grace = secondsOf("--grace", values.grace)
      const ordered = orderedFor(values)
      return async (db) => {
        const made = await rotateAccessKey(db, { id }, grace, ordered)
        return made === undefined ? missing(`${id} that lives`) : told(made, values)
      }
    }
    case "revoke": {
      const ordered = orderedFor(values)
      return async (db) => {
        if (!id.startsWith(CLIENT)) {
          return shown(id, await revokeAccessKey(db, { id }, ordered), values)
        }
        if (!await revokeClient(db, id, ordered)) return missing(id)
        console.log(values.json ? JSON.stringify({ client_id: id }) : `${id}  revoked`)
        return 0
      }
    }
    default:
      return undefined
  }
}

const onDatabase = async (environment: Environment, act: Act): Promise<number> => {
  const url = environment["DATABASE_URL"] ??
    attachStack(dataDirOf(environment), environment).databaseUrl
  const db = connect(url, 1)
  return await act(db).finally(() => db.destroy())
}

const orderedFor = ({ why }: Given): Ordered => {
  if (why === undefined || why === "") throw new UsageError("say why: --why TEXT.")
  return {
    action: derivedId("act", randomUUID()),
    who: `${userName()}@${hostname()}`,
    why
  }
}

/** A container may run as a user whom nobody named. */
const userName = (): string => {
  try {
    return userInfo().username
  } catch {
    return `uid-${process.getuid?.()}`
  }
}

const told = (
  { key, secret }: { readonly key: AccessKey; readonly secret: string },
  { json }: Given
): number => {
  console.log(json ? JSON.stringify({ ...key, secret }) : secret)
  return 0
}

const missing = (id: string): number => {
  console.error(`lastro access: there is no key ${id}.`)
  return EXIT_FAILED
}

const shown = (id: string, key: AccessKey | undefined, { json }: Given): number => {
  if (key === undefined) return missing(id)
  console.log(json ? JSON.stringify(key) : line(key))
  return 0
}

const list = async (db: Db, { json, merchant }: Given): Promise<number> => {
  const found = await accessKeys(db, { merchant })
  if (json) console.log(JSON.stringify(found))
  else if (found.length === 0) console.log("there is no key")
  else for (const key of found) console.log(line(key))
  return 0
}

const line = (key: AccessKey): string =>
  [
    `${key.id}  ${key.merchant === "" ? "operator" : key.merchant}  ${key.name}  ` +
    [...key.role === null ? [] : [`role ${key.role}`], ...key.scopes].join(" ") +
    `  made ${key.created_at}${key.made_by === null ? "" : ` by ${key.made_by}`}`,
    ...key.test ? ["a test key"] : [],
    ...key.addresses.length === 0 ? [] : [`from ${key.addresses.join(", ")}`],
    ...key.requests_per_second === null ? [] : [`at most ${key.requests_per_second} a second`],
    ...key.used_at === null ? [] : [`used ${key.used_at}`],
    ...key.former_until === null ? [] : [`its former secret ends ${key.former_until}`],
    ...key.expires_at === null ? [] : [`ends ${key.expires_at}`],
    ...key.revoked_at === null ? [] : [`revoked ${key.revoked_at}`]
  ].join(", ")
