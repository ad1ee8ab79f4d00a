import { parseArgs } from "node:util"
import type { KeyAside } from "../store/keysAside.ts"
import type { CliCommand } from "../house/command.ts"
import { EXIT_PERSON_NEEDED, operator, where } from "../house/operator.ts"
import { UsageError } from "../house/usage.ts"

/** More are counted by `status`. */
const LISTED_MAX = 500

export const keys: CliCommand = {
  summary: "Keys of a family that are set aside, and why",
  usage: `Usage: deno task lastro keys <family> [--json]

Lists the keys that wait: paused or quarantined ones first (a person lets them go, with
\`lastro resume <family> --key …\`), then those that are tried again or wait for another key.

${where}
Exits with 0, or with 2 where a key waits for a person.`,
  run: async (args, environment) => {
    const { positionals: [family, ...more], values: { json } } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { json: { type: "boolean" } }
    })
    if (family === undefined || more.length > 0) {
      throw new UsageError("say of which family: lastro keys <family>.")
    }
    const { data } = await operator(environment).get<{ data: ReadonlyArray<KeyAside> }>(
      `/v1/operations/families/${encodeURIComponent(family)}/keys?limit=${LISTED_MAX}`
    )
    if (json === true) console.log(JSON.stringify(data))
    else if (data.length === 0) console.log(`no key of ${family} is set aside`)
    else for (const key of data) print(key)
    return data.some(({ state }) => state === "paused" || state === "quarantined")
      ? EXIT_PERSON_NEEDED
      : 0
  }
}

const print = ({ key, letters, merchant, reason, since, state, wakes_at }: KeyAside) =>
  console.log(
    `${state.padEnd(11)} ${merchant}/${key}  ${letters} letters since ${since}` +
      (wakes_at === null ? "" : `, next try ${wakes_at}`) + `  ${reason}`
  )
