import { join } from "node:path"
import { stopStale } from "./child.ts"

/** Ends the servers of a data folder whose Lastro ended without them. */
export const stopOrphans = async (dataDir: string): Promise<void> => {
  await Promise.all(["nats", "postgres"].map((server) => stopStale(join(dataDir, server, "pid"))))
}
