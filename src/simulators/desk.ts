import type { HttpBindings } from "@hono/node-server"
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response"
import type { Context, Hono } from "hono"

interface Env {
  readonly Bindings: HttpBindings
}
/** What answers callers of a simulator, whatever server they come to. */
export type Desk = Hono<Env>
export type Call = Context<Env>

const BODY_BYTES_MAX = 64 * 1024
/** A silent answer ends at last, long after every caller gave up. */
const SILENCE_MILLIS = 60_000

export const textOf = async ({ req }: Call): Promise<string> => {
  const length = req.header("content-length")
  if (length === undefined) return await counted(req.raw.body)
  if (Number(length) > BODY_BYTES_MAX) throw new Error("the body is too large")
  return await req.text()
}

export const jsonOf = async (call: Call): Promise<unknown> =>
  JSON.parse((await textOf(call)) || "{}")

/** A body that does not say how long it is. */
const counted = async (body: ReadableStream<Uint8Array> | null): Promise<string> => {
  const chunks: Array<Uint8Array> = []
  let bytes = 0
  for await (const chunk of body ?? []) {
    bytes += chunk.length
    if (bytes > BODY_BYTES_MAX) throw new Error("the body is too large")
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString("utf8")
}

/** Nobody is told anything. */
export const SILENT = Symbol("silent")
export type Answer = Response | typeof SILENT

/** Gives the answer, or keeps its caller waiting. */
export const answering =
  <A extends Call>(answer: (call: A) => Answer | Promise<Answer>) =>
  async (call: A): Promise<Response> => {
    const answered = await answer(call)
    return answered === SILENT ? await silence(call) : answered
  }

const silence = (call: Call): Promise<Response> =>
  new Promise((resolve) => {
    const { outgoing } = call.env
    setTimeout(() => {
      outgoing.destroy()
      resolve(RESPONSE_ALREADY_SENT)
    }, SILENCE_MILLIS).unref()
  })

/** What follows an answer is done once that is on its way. What fails then is told nobody. */
export const afterwards = (what: () => Promise<void> | void): void => {
  setImmediate(() => void Promise.resolve().then(what).catch(() => {}))
}
