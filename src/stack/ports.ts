import { createServer } from "node:net"
import { StackError } from "./stack.ts"

/** Somebody else listens where a server was to: on another port it would start. */
export class AddressTaken extends StackError {}

/** Who finds that many ports taken, each of them free a moment before, has another trouble. */
const PORT_TRIES_MAX = 5

/**
 * Starts servers on ports that were free when they were looked for. Where somebody took one before a
 * server did, they are started `again`, on others.
 */
export const onFreePorts = async <A>(start: (again: boolean) => Promise<A>): Promise<A> => {
  for (let tries = 1;; tries++) {
    try {
      return await start(tries > 1)
    } catch (error) {
      if (!(error instanceof AddressTaken) || tries === PORT_TRIES_MAX) throw error
    }
  }
}

/** A port that nobody uses now. Only for servers that cannot choose one themselves. */
export const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer()
    server.once("error", reject)
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number }
      server.close(() => resolve(port))
    })
  })
