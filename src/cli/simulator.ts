import * as fs from "node:fs"
import { join } from "node:path"
import { openPixDesk } from "../simulators/pix/server.ts"
import { startSimulator } from "../simulators/card/server.ts"
import type { CliCommand } from "../house/command.ts"
import { dataDirOf, hostOf, portOf } from "../house/lastro.ts"
import { untilStopped } from "../house/untilStopped.ts"
import { takesNothing } from "../house/usage.ts"

const usage = `Usage: lastro simulator

The payment gateways that "start" brings along, as a process of their own: no real money moves. Cards are
at the root, a bank with the Pix API below /pix. Several workers share them, so that a repeated call
meets the book in which the first one stands.

  LASTRO_PORT, LASTRO_HOST    where it listens (default 8790 on 127.0.0.1)
  LASTRO_DATA_DIR             where the books lie (default .lastro); where none can be made they are in
                              memory, and end with the process`

const PORT = 8790
const NOT_WRITABLE = new Set(["EROFS", "EACCES", "EPERM"])

/** Where a book of this name lies. A container may have no disk that it may write. */
const bookshelf = (dataDir: string): (name: string) => string => {
  try {
    fs.mkdirSync(dataDir, { recursive: true })
    fs.accessSync(dataDir, fs.constants.W_OK)
    return (name) => join(dataDir, name)
  } catch (error) {
    if (!NOT_WRITABLE.has((error as NodeJS.ErrnoException).code ?? "")) throw error
    console.error(
      `${dataDir} cannot be written: the books are in memory and end with the simulator.`
    )
    return () => ":memory:"
  }
}

export const simulator: CliCommand = {
  summary: "The payment gateways' simulators alone",
  usage,
  serves: true,
  run: async (args, environment) => {
    takesNothing(args)
    const stopAsked = untilStopped()
    const fileOf = bookshelf(dataDirOf(environment))
    const bank = openPixDesk(fileOf("pix.db"))
    const running = await startSimulator({
      beside: { pix: bank.desk },
      file: fileOf("simulator.db"),
      host: hostOf(environment),
      port: portOf(environment, PORT)
    })
    console.log(`The simulator answers at ${running.url} (LASTRO_SIMULATOR_URL for workers).`)
    await stopAsked
    await running.stop()
    bank.close()
    return 0
  }
}
