import * as fs from "node:fs"
import { Readable } from "node:stream"
import { pipeline } from "node:stream/promises"
import type { Environment } from "../house/environment.ts"
import { EXIT_FAILED, operator } from "../house/operator.ts"
import { verifyActions } from "../proof/audit/actions.ts"
import { StackError } from "../stack/stack.ts"

/** The whole chain of what people did, as JSON lines. */
export const exportActions = async (
  environment: Environment,
  out: string | undefined
): Promise<number> => {
  const body = await operator(environment).open("/v1/audit/actions/export")
  const target = out === undefined ? process.stdout : fs.createWriteStream(out)
  await pipeline(Readable.fromWeb(body as never), target, { end: out !== undefined })
    .catch((error) => {
      throw new StackError(
        `the export broke off (${error.message}): what was written is not whole.`
      )
    })
  return 0
}

/** Checks an export with nothing but the file. */
export const verifyExportedActions = (
  file: string,
  keys: ReadonlyArray<string>,
  json: boolean
): number => {
  const { entries, problems } = verifyActions(fs.readFileSync(file, "utf8").split("\n"), keys)
  if (json) console.log(JSON.stringify({ entries, problems, key_known: keys.length > 0 }))
  else {
    for (const problem of problems) console.log(`  ${problem}`)
    console.log(
      `${entries} entries: ` +
        (problems.length === 0 ? "all as they were signed." : `${problems.length} problems.`)
    )
    if (keys.length === 0) {
      console.log(
        "The key came with the file: compare it with the one you know, or name it by --key."
      )
    }
  }
  return problems.length === 0 ? 0 : EXIT_FAILED
}
