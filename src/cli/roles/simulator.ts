import * as fs from "node:fs"
import { join } from "node:path"
import { startSimulator } from "../../stack/simulator/server.ts"
import type { CliCommand } from "../commands.ts"
import { dataDirOf } from "../lastro.ts"
import { untilStopped } from "../untilStopped.ts"

const usage = `Usage: lastro simulator

The payment gateway that "start" brings along, as a process of its own: no real money moves. Several
workers share one, so that a repeated call meets the book in which the first one stands.

  LASTRO_PORT        where it listens on 127.0.0.1 (default 8790)
  LASTRO_DATA_DIR    where its book lies (default .lastro)`

const PORT = 8790

export const simulator: CliCommand = {
  summary: "The payment gateway simulator alone",
  usage,
  run: async (_args, environment) => {
    const stopAsked = untilStopped()
    const dataDir = dataDirOf(environment)
    fs.mkdirSync(dataDir, { recursive: true })
    const running = await startSimulator({
      file: join(dataDir, "simulator.db"),
      port: Number(environment["LASTRO_PORT"] ?? PORT)
    })
    console.log(`The simulator answers at ${running.url} (LASTRO_SIMULATOR_URL for workers).`)
    await stopAsked
    await running.stop()
    return 0
  }
}
