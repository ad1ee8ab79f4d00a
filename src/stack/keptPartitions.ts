import * as fs from "node:fs"
import { join } from "node:path"
import { PARTITIONS_RECORD, PARTITIONS_UNRECORDED } from "../bus/drift.ts"

/** Of the account that streams lie in, and of a version that had no accounts. */
const ACCOUNTS = ["LASTRO", "$G"]

/**
 * How many partitions the mailboxes of a data folder have, as the server keeps it with the stream itself:
 * known before anything is started. Undefined where no mailbox was made yet, or where it lies elsewhere
 * (a volume of a container).
 */
export const keptPartitions = (dataDir: string): string | undefined => {
  for (const account of ACCOUNTS) {
    const file = join(
      ...[dataDir, "nats", "data", "jetstream", account, "streams", "PAYMENTS", "meta.inf"]
    )
    if (!fs.existsSync(file)) continue
    const { metadata } = JSON.parse(fs.readFileSync(file, "utf8")) as {
      readonly metadata?: Readonly<Record<string, string>>
    }
    return metadata?.[PARTITIONS_RECORD] ?? PARTITIONS_UNRECORDED
  }
  return undefined
}
