import type { Socket } from "node:net"
import { NodeTransport } from "@nats-io/transport-node/lib/node_transport.js"

/** What of the client's transport is touched here. */
interface Transport {
  dial: (...to: Array<unknown>) => Promise<Socket>
  startTLS: () => Promise<Socket>
  tlsFirst: (...to: Array<unknown>) => Promise<Socket>
  _send: (this: { socket?: { writable: boolean } }, frame: Uint8Array) => Promise<void>
}

const nobody = () => {}

/**
 * The client lets go of a socket by removing all its listeners, and Deno may tell of a reset after
 * that. An error that nobody listens to ends the process: one listener stays on every socket, whatever
 * is removed. Whoever waits for the socket has its own.
 */
const listened = (socket: Socket): Socket => {
  const remove = socket.removeAllListeners.bind(socket)
  socket.removeAllListeners = (event?: string | symbol) => {
    if (event === undefined) remove()
    else remove(event)
    socket.on("error", nobody)
    return socket
  }
  socket.on("error", nobody)
  return socket
}

/**
 * Makes the client's sockets harmless once they are nobody's, for every connection of this process. A
 * server's last words may also be read after its connection ended, and the client answers them: what
 * would be a "write after end" is dropped.
 */
export const guardSockets = (): void => {
  const prototype = NodeTransport.prototype as unknown as Transport
  const { _send: send, dial, startTLS, tlsFirst } = prototype
  prototype.dial = async function (...to) {
    return listened(await dial.apply(this, to))
  }
  prototype.startTLS = async function () {
    return listened(await startTLS.call(this))
  }
  prototype.tlsFirst = async function (...to) {
    return listened(await tlsFirst.apply(this, to))
  }
  prototype._send = function (frame) {
    return this.socket?.writable === false ? Promise.resolve() : send.call(this, frame)
  }
}
