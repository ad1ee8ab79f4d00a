import * as fs from "node:fs"
import { join } from "node:path"
import process from "node:process"

/** Milliseconds of processors, by who used them. */
export interface Processors {
  /** The thread in which actors decide, and which answers at the edge. */
  readonly worker: number
  /** V8's own threads beside it, nearly all of it collecting garbage. */
  readonly collector: number
  /** This process, and what else runs in Lastro's: the simulated gateways and the auditor. */
  readonly loadGateway: number
  readonly nats: number
  /** With the backends that have ended. */
  readonly postgres: number
}

/** Linux tells times in hundredths of a second, whatever its own clock does. */
const TICK_MILLIS = 10

interface Stat {
  readonly name: string
  readonly parent: number
  readonly millis: number
  /** Of children that have ended and were waited for. */
  readonly endedMillis: number
}

/** What a Lastro with servers of its own has used so far; undefined where there is no `/proc`. */
export const processorsOf = (
  pid: number,
  proc = "/proc",
  self: number = process.pid
): Processors | undefined => {
  const lastro = statOf(join(proc, String(pid)))
  if (lastro === undefined) return undefined
  const all = statsIn(proc)
  const childrenOf = (parent: number) => [...all].filter(([, stat]) => stat.parent === parent)
  const threads = [...statsIn(join(proc, String(pid), "task"))]
  const worker = sum(threads.filter(([id]) => id === pid))
  const collector = sum(threads.filter(([id, { name }]) => id !== pid && name.startsWith("V8")))
  const [postgres, others] = partition(childrenOf(pid), ([, { name }]) => name === "postgres")
  const backends = postgres.flatMap(([postmaster]) => childrenOf(postmaster))
  return {
    worker,
    collector,
    // A thread that has ended counts in its process only.
    loadGateway: lastro.millis - worker - collector + (all.get(self)?.millis ?? 0),
    nats: sum(others),
    postgres: sum(postgres) + sum(backends) +
      postgres.reduce((total, [, { endedMillis }]) => total + endedMillis, 0)
  }
}

/** Every process below a folder, or every thread of one. */
const statsIn = (folder: string): ReadonlyMap<number, Stat> =>
  new Map(
    fs.readdirSync(folder).filter((name) => /^\d+$/.test(name)).flatMap((name) => {
      // It may end between two looks.
      const stat = statOf(join(folder, name))
      return stat === undefined ? [] : [[Number(name), stat] as const]
    })
  )

const statOf = (folder: string): Stat | undefined => {
  let text: string
  try {
    text = fs.readFileSync(join(folder, "stat"), "utf8")
  } catch {
    return undefined
  }
  // A name may hold anything, parentheses too.
  const end = text.lastIndexOf(")")
  const fields = text.slice(end + 2).split(" ").map(Number)
  const [user, system, endedUser, endedSystem] = fields.slice(11, 15)
  return {
    name: text.slice(text.indexOf("(") + 1, end),
    parent: fields[1]!,
    millis: (user! + system!) * TICK_MILLIS,
    endedMillis: (endedUser! + endedSystem!) * TICK_MILLIS
  }
}

const sum = (stats: ReadonlyArray<readonly [number, Stat]>): number =>
  stats.reduce((total, [, { millis }]) => total + millis, 0)

const partition = <A>(
  all: ReadonlyArray<A>,
  is: (one: A) => boolean
): readonly [ReadonlyArray<A>, ReadonlyArray<A>] => [all.filter(is), all.filter((one) => !is(one))]

/** Memory that a process holds, in MiB. */
export const residentMebibytes = (pid: number, proc = "/proc"): number => {
  const status = fs.readFileSync(join(proc, String(pid), "status"), "utf8")
  return Math.round(Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]) / 1024)
}
