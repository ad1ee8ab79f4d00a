import { CODE_VERSION } from "../runtime/codeVersion.ts"
import { connect } from "../store/database.ts"
import { isLeftByOtherCode, takeCheckpoint } from "../store/shadow.ts"
import { lineOf, type LogSink } from "../telemetry/logs.ts"
import { checkpointTables } from "./replayed.ts"

/**
 * Before a worker of new code owns anything it keeps what other code came to: from that checkpoint on a
 * replay compares what is decided now. Where it cannot be taken the worker works all the same.
 */
export const keepWhatOtherCodeLeft = async (databaseUrl: string, log: LogSink): Promise<void> => {
  const db = connect(databaseUrl, 1)
  try {
    if (!await isLeftByOtherCode(db, CODE_VERSION)) return
    const taken = await takeCheckpoint(db, checkpointTables, new Date())
    log(lineOf("info", `other code decided what is there: ${taken} holds what it came to`))
  } catch (error) {
    log(lineOf("warn", `no checkpoint of what other code decided: ${error}`))
  } finally {
    await db.destroy()
  }
}
