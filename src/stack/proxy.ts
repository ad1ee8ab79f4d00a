import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net"

interface Pair {
  readonly near: Socket
  readonly far: Socket
}

/**
 * A TCP proxy on 127.0.0.1 whose owner decides how the network behaves: cut what is open, refuse what
 * comes, or let connections stand and carry nothing.
 */
export class Proxy {
  private readonly server: Server
  private readonly target: number
  private readonly pairs = new Set<Pair>()
  private refusing = false
  private stalling = false
  /** Connections ended by `cut` or refused. */
  cuts = 0

  private constructor(target: number) {
    this.target = target
    this.server = createServer({ pauseOnConnect: true }, (near) => this.accept(near))
  }

  /** In front of a port of this machine. */
  static async before(target: number): Promise<Proxy> {
    const proxy = new Proxy(target)
    await new Promise<void>((resolve, reject) => {
      proxy.server.once("error", reject)
      proxy.server.listen(0, "127.0.0.1", resolve)
    })
    return proxy
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port
  }

  /** Connections that are open through it. */
  get open(): number {
    return this.pairs.size
  }

  /** Ends what is open, as a reset in the network would: what was under way is lost. */
  cut(): void {
    for (const pair of this.pairs) this.end(pair)
  }

  /** From now on nobody gets through; what is open goes on. */
  refuse(): void {
    this.refusing = true
  }

  /** From now on nothing is carried in either direction, and nobody is told. */
  stall(): void {
    this.stalling = true
    for (const { far, near } of this.pairs) {
      near.pause()
      far.pause()
    }
  }

  /** Takes connections and carries again; what waited in a stall arrives late. */
  heal(): void {
    this.refusing = false
    this.stalling = false
    for (const { far, near } of this.pairs) {
      near.resume()
      far.resume()
    }
  }

  async close(): Promise<void> {
    this.cut()
    await new Promise((resolve) => this.server.close(resolve))
  }

  private accept(near: Socket): void {
    if (this.refusing) {
      this.cuts++
      near.resetAndDestroy()
      return
    }
    const far = connect(this.target, "127.0.0.1")
    const pair = { near, far }
    this.pairs.add(pair)
    for (const [from, to] of [[near, far], [far, near]] as const) {
      from.setNoDelay(true)
      from.on("data", (chunk) => {
        // A slow reader slows the writer, as the network would.
        if (!to.write(chunk)) from.pause()
      })
      to.on("drain", () => {
        if (!this.stalling) from.resume()
      })
      from.on("end", () => to.end())
      from.on("error", () => this.forget(pair))
      from.on("close", () => this.forget(pair))
    }
    if (this.stalling) far.pause()
    else near.resume()
  }

  private end(pair: Pair): void {
    this.cuts++
    pair.near.resetAndDestroy()
    pair.far.resetAndDestroy()
    this.pairs.delete(pair)
  }

  private forget(pair: Pair): void {
    if (!this.pairs.delete(pair)) return
    pair.near.destroy()
    pair.far.destroy()
  }
}
