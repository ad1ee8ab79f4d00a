import * as fs from "node:fs"
import { type Keeper, type KeptServer, StackError } from "./stack.ts"

/** A server of ours that can be started again where its clients look for it. */
export interface OwnServer {
  readonly name: string
  readonly logFile: string
  /** On whose disk it needs room to start and to write. */
  readonly dataFolder: string
  /** Resolves when the process that runs now has ended, with how. */
  readonly gone: () => Promise<string>
  /** What only a new start mends, although it runs. */
  readonly ailment: () => Promise<string | undefined>
  readonly stop: (signal?: NodeJS.Signals) => Promise<void>
  readonly launch: () => Promise<void>
}

/** More restarts within the window than this are no accident: a person has to look. */
const RESTARTS_MAX = 5
const RESTARTS_WITHIN_MILLIS = 60_000
/** Before the first restart; before each further one within the window twice as long. */
const PAUSE_MILLIS = 200
const PAUSE_GROWTH = 2
const LOOK_MILLIS = 1_000
/** With less a server would only fail again: it is started when there is more, and no restart is used up. */
const ROOM_BYTES_MIN = 32 * 1024 ** 2
const RESTARTS_REMEMBERED = 10

/** What may still be written to the disk of a folder; undefined where nobody tells. */
export const freeBytes = (folder: string): number | undefined => {
  try {
    const { bavail, bsize } = fs.statfsSync(folder)
    return bavail * bsize
  } catch {
    return undefined
  }
}

const hasRoom = ({ dataFolder }: OwnServer): boolean =>
  (freeBytes(dataFolder) ?? Infinity) >= ROOM_BYTES_MIN

const sleep = (millis: number): Promise<undefined> =>
  new Promise((resolve) => setTimeout(resolve, millis, undefined))

/** Starts a server again whenever it ends without being asked to, as often as its budget allows. */
export const keep = (server: OwnServer, tell: (line: string) => void): Keeper => {
  const { promise: givenUp, resolve: giveUp } = Promise.withResolvers<StackError>()
  const restarts: Array<{ at: string; why: string }> = []
  let state: KeptServer["state"] = "runs"
  let released = false
  const keeping = async () => {
    let recent: ReadonlyArray<number> = []
    let why = await trouble(server)
    while (!released) {
      if (!hasRoom(server)) {
        state = "waits for room"
        tell(`${server.name} ended (${why}) and waits for room on the disk of ${server.dataFolder}`)
        while (!hasRoom(server) && !released) await sleep(LOOK_MILLIS)
        if (released) return
      }
      const now = performance.now()
      recent = recent.filter((at) => now - at < RESTARTS_WITHIN_MILLIS)
      if (recent.length >= RESTARTS_MAX) {
        state = "given up"
        return giveUp(new StackError(exhausted(server, why)))
      }
      state = "starts"
      restarts.push({ at: new Date().toISOString(), why })
      restarts.splice(0, restarts.length - RESTARTS_REMEMBERED)
      tell(
        `${server.name} ended (${why}) and is started again ` +
          `(${recent.length + 1} of ${RESTARTS_MAX} within ${RESTARTS_WITHIN_MILLIS / 1_000} s)`
      )
      await sleep(PAUSE_MILLIS * PAUSE_GROWTH ** recent.length)
      recent = [...recent, now]
      if (released) return
      const failure = await server.launch().then(() => undefined, (error: Error) => error.message)
      if (failure === undefined) {
        state = "runs"
        tell(`${server.name} runs again`)
      }
      why = failure ?? await trouble(server)
    }
  }
  void keeping()
  return {
    now: () => ({
      server: server.name,
      dataFolder: server.dataFolder,
      state,
      restarts: [...restarts]
    }),
    givenUp,
    release: () => {
      released = true
    }
  }
}

/** Waits until a server has ended, or is ended because nothing else mends it. Answers why. */
const trouble = async (server: OwnServer): Promise<string> => {
  for (;;) {
    const ended = await Promise.race([server.gone(), sleep(LOOK_MILLIS)])
    if (ended !== undefined) return ended
    const ailment = await server.ailment()
    // A start on a full disk would fail: what is ill goes on as it is until there is room.
    if (ailment === undefined || !hasRoom(server)) continue
    await server.stop()
    return ailment
  }
}

const exhausted = ({ logFile, name }: OwnServer, why: string): string =>
  `${name} ended again (${why}) after ${RESTARTS_MAX} restarts within ` +
  `${RESTARTS_WITHIN_MILLIS / 1_000} s: see ${logFile}, mend it and start Lastro again.`
