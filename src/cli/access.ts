import { randomUUID } from "node:crypto"
import { hostname, userInfo } from "node:os"
import { parseArgs } from "node:util"
import { Schema } from "effect"
import { holdsCardNumber } from "../domain/cardNumber.ts"
import { derivedId, MerchantId } from "../domain/identifiers.ts"
import { attachStack } from "../stack/attached.ts"
import {
  type AccessKey,
  accessKeys,
  createAccessKey,
  type Ordered,
  revokeAccessKey
} from "../store/accessKeys.ts"
import { connect, type Db } from "../store/database.ts"
import type { CliCommand } from "../house/command.ts"
import type { Environment } from "../house/environment.ts"
import { dataDirOf } from "../house/lastro.ts"
import { EXIT_FAILED } from "../house/operator.ts"
import { UsageError } from "../house/usage.ts"

const usage = `Usage: lastro access create --merchant ID --name NAME --why TEXT [--json]
       lastro access create --operator --name NAME --why TEXT [--json]
       lastro access list [--merchant ID] [--json]
       lastro access revoke <id> --why TEXT [--json]

API keys: who may come in at the edge. "create" shows the secret once; nothing keeps it. An operator's
key may do what operators do, and its name is what the audit calls the person. A revoked key is refused
after ten seconds at most. Making and revoking are written down with who did it (this machine's user)
and why: GET /v1/operations/actions.

  DATABASE_URL      the database of the Lastro that is meant, or
  LASTRO_DATA_DIR   the Lastro that runs here (default .lastro)

Exits with 0 where it is done, 1 where there is no such key.`

const options = {
  merchant: { type: "string" },
  operator: { type: "boolean", default: false },
  name: { type: "string" },
  why: { type: "string" },
  json: { type: "boolean", default: false }
} as const

const parse = (args: ReadonlyArray<string>) =>
  parseArgs({ args: [...args], allowPositionals: true, options })
type Given = ReturnType<typeof parse>["values"]

export const access: CliCommand = {
  summary: "API keys: make, list, revoke",
  usage,
  run: async (args, environment) => {
    const { positionals: [verb, ...rest], values } = parse(args)
    if (verb === "list" && rest.length === 0) {
      return await onDatabase(environment, (db) => list(db, values))
    }
    if (verb === "create" && rest.length === 0) {
      const key = wanted(values)
      return await onDatabase(environment, async (db) => {
        const made = await createAccessKey(db, key, orderedFor(values))
        console.log(
          values.json ? JSON.stringify({ ...made.key, secret: made.secret }) : made.secret
        )
        return 0
      })
    }
    const [id, ...more] = rest
    if (verb === "revoke" && id !== undefined && more.length === 0) {
      const ordered = orderedFor(values)
      return await onDatabase(environment, async (db) => {
        const ended = await revokeAccessKey(db, id, ordered)
        if (ended === undefined) console.error(`lastro access: there is no key ${id}.`)
        else console.log(values.json ? JSON.stringify(ended) : line(ended))
        return ended === undefined ? EXIT_FAILED : 0
      })
    }
    throw new UsageError("say create, list or revoke <id>; --help says more.")
  }
}

const onDatabase = async (
  environment: Environment,
  act: (db: Db) => Promise<number>
): Promise<number> => {
  const url = environment["DATABASE_URL"] ??
    attachStack(dataDirOf(environment), environment).databaseUrl
  const db = connect(url, 1)
  return await act(db).finally(() => db.destroy())
}

const isMerchant = Schema.is(MerchantId)

const wanted = ({ merchant, name, operator }: Given) => {
  if (name === undefined || name === "" || (merchant !== undefined) === operator) {
    throw new UsageError("say whose key it is: --name NAME and --merchant ID or --operator.")
  }
  if (merchant !== undefined && !isMerchant(merchant)) {
    throw new UsageError(
      `${merchant} cannot be a merchant's identifier: that is 1 to 32 of a-z, 0-9, _ and -.`
    )
  }
  if (holdsCardNumber(`${merchant} ${name}`)) {
    throw new UsageError("a name that is shown must not look like a card number.")
  }
  return {
    name,
    merchant: merchant ?? "",
    scopes: [operator ? "operator" as const : "merchant" as const]
  }
}

const orderedFor = ({ why }: Given): Ordered => {
  if (why === undefined || why === "") throw new UsageError("say why: --why TEXT.")
  return {
    action: derivedId("act", randomUUID()),
    who: `${userInfo().username}@${hostname()}`,
    why
  }
}

const list = async (db: Db, { json, merchant }: Given): Promise<number> => {
  const found = await accessKeys(db, { merchant })
  if (json) console.log(JSON.stringify(found))
  else if (found.length === 0) console.log("there is no key")
  else for (const key of found) console.log(line(key))
  return 0
}

const line = ({ created_at, id, merchant, name, revoked_at, scopes }: AccessKey): string =>
  `${id}  ${merchant === "" ? "operator" : merchant}  ${name}  ${scopes.join(" ")}  ` +
  `made ${created_at}${revoked_at === null ? "" : `, revoked ${revoked_at}`}`
