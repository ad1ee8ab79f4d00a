import { parseArgs } from "node:util"
import type { Diagnosis, Finding, PromiseState } from "../proof/doctor/diagnosis.ts"
import { attachStack } from "../stack/attached.ts"
import type { CliCommand } from "../house/command.ts"
import { examineStack } from "../house/examination.ts"
import { dataDirOf } from "../house/lastro.ts"
import { operator } from "../house/operator.ts"

const EXIT_NOT_WELL = 2

const usage = `Usage: deno task lastro doctor [--json]

Looks at the servers, streams, identities, clocks, disks and books of a running Lastro and says which
promises hold on this deployment and which do not, with the reason. Changes nothing; it appends a few
messages to a stream of its own, which it deletes. Exits with 0 where nothing breaks a promise, with 2 where
something does. With a single worker there is nobody to take over: G8 is told as not given.

  LASTRO_DATA_DIR                    the Lastro that runs here (default .lastro)
  LASTRO_NATS_URL and DATABASE_URL   or these servers
  LASTRO_URL, LASTRO_OPERATOR_KEY    or what the edge there can see
  LASTRO_NATS_MONITOR_URL            their monitoring endpoints, comma separated
  LASTRO_PARTITIONS                  how many each mailbox has (docs/streams.md; default 4)
  LASTRO_STREAMS_GIB                 what streams reserve of each server's disk (default 265)`

export const doctor: CliCommand = {
  summary: "Which promises hold on this deployment, and why not",
  usage,
  run: async (args, environment) => {
    const { values: { json } } = parseArgs({
      args: [...args],
      options: { json: { type: "boolean" } }
    })
    const diagnosis = environment["LASTRO_URL"] === undefined
      ? await examineStack(attachStack(dataDirOf(environment), environment))
      : await operator(environment).get<Diagnosis>("/v1/operations/doctor")
    if (json === true) console.log(JSON.stringify(diagnosis))
    else print(diagnosis)
    return diagnosis.well ? 0 : EXIT_NOT_WELL
  }
}

const SIGNS: Readonly<Record<Finding["verdict"], string>> = {
  good: "  ok ",
  poor: "  !  ",
  bad: "  NO ",
  unknown: "  ?  "
}

const VERDICTS: Readonly<Record<PromiseState["holds"], string>> = {
  yes: "holds",
  no: "DOES NOT HOLD",
  unknown: "is not known",
  absent: "is not given"
}

const print = ({ findings, promises, well }: Diagnosis) => {
  for (const [area, some] of Map.groupBy(findings, (one) => one.area)) {
    console.log(area)
    for (const { advice, check, found, verdict } of some) {
      console.log(`${SIGNS[verdict]} ${check}: ${found}`)
      if (advice !== undefined) console.log(`        ${advice}`)
    }
  }
  console.log("\nOn this deployment")
  for (const { holds, promise, says, why } of promises) {
    console.log(`  ${promise.padEnd(3)} ${VERDICTS[holds]}: ${says}`)
    for (const reason of why) console.log(`        ${reason}`)
  }
  const absent = promises.filter(({ holds }) => holds === "absent").map(({ promise }) => promise)
  console.log(
    !well
      ? "\nNot every promise holds."
      : absent.length > 0
      ? `\nEvery promise holds but ${absent.join(", ")}, for which something is not there.`
      : "\nEvery promise holds."
  )
}
