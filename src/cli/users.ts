import * as fs from "node:fs"
import { join } from "node:path"
import { parseArgs } from "node:util"
import { Schema } from "effect"
import { PARTITIONS } from "../../streams/mailboxes.ts"
import { MerchantId } from "../domain/identifiers.ts"
import {
  accountsConfiguration,
  keptPasswords,
  merchantConfiguration
} from "../stack/natsConfiguration.ts"
import type { CliCommand } from "../house/command.ts"
import type { Environment } from "../house/environment.ts"
import { dataDirOf } from "../house/lastro.ts"
import { UsageError } from "../house/usage.ts"

const usage = `Usage: lastro users [--merchant ID] [--passwords FILE]

Prints what nats-servers of your own need to know of Lastro's users, as configuration, for the number of
partitions of this deployment: the whole "accounts" block, to be included in every server's file, or with
--merchant one line for the "users" of the account PRODUCERS. A merchant's own user may give its own commands
and nothing else. Servers read a changed file in by SIGHUP.

  --passwords FILE             where passwords lie; one is made and kept there for whoever has none yet
  LASTRO_NATS_PASSWORDS_FILE   the same; else nats/passwords.json in LASTRO_DATA_DIR (default .lastro)
  LASTRO_PARTITIONS            how many each mailbox has (docs/streams.md; default 4)`

export const users: CliCommand = {
  summary: "NATS users and accounts as configuration, for servers of your own",
  usage,
  run: (args, environment) => {
    const { values } = parseArgs({
      args: [...args],
      options: { merchant: { type: "string" }, passwords: { type: "string" } }
    })
    const { merchant } = values
    if (merchant !== undefined && !Schema.is(MerchantId)(merchant)) {
      throw new UsageError(`--merchant ${merchant} is no merchant's identifier.`)
    }
    const file = values.passwords ?? passwordsFileOf(environment)
    const passwords = keptPasswords(file, merchant === undefined ? [] : [merchant])
    console.log(`# ${PARTITIONS} partitions (LASTRO_PARTITIONS); passwords are kept in ${file}`)
    console.log(
      merchant === undefined
        ? accountsConfiguration(passwords).join("\n")
        : merchantConfiguration(merchant, passwords)
    )
    return Promise.resolve(0)
  }
}

const passwordsFileOf = (environment: Environment): string => {
  const named = environment["LASTRO_NATS_PASSWORDS_FILE"]
  if (named !== undefined) return named
  const own = join(dataDirOf(environment), "nats", "passwords.json")
  if (fs.existsSync(own)) return own
  throw new UsageError("say where passwords are to be kept: --passwords FILE.")
}
