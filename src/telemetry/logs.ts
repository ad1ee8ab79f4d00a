import { Cause, Layer, Logger, References } from "effect"
import { appendFileSync, chmodSync, existsSync } from "node:fs"
import { withoutLongNumbers } from "../domain/cardNumber.ts"

export type LogSink = (line: string) => void

/** Longest text of one member: a log line is for reading, and causes may quote input. */
const TEXT_CHARACTERS_MAX = 600

/**
 * One JSON object per line. Nothing of a body is ever logged: causes name what failed, and what
 * looks like a card number, an e-mail address or a key is struck out even so (G17).
 */
export const jsonLogs = (sink: LogSink): Layer.Layer<never> =>
  Layer.mergeAll(
    Logger.layer([
      Logger.make(({ cause, date, fiber, logLevel, message }) => {
        const parts = (Array.isArray(message) ? message : [message]).map(textOf)
        const annotations = fiber.getRef(References.CurrentLogAnnotations)
        const line = {
          time: date.toISOString(),
          level: logLevel.toLowerCase(),
          message: parts.join(" "),
          ...annotations,
          ...(cause.reasons.length > 0 && { cause: clean(Cause.pretty(cause)) })
        }
        sink(JSON.stringify(line))
      })
    ])
  )

/** The same line where no fiber is at hand. */
export const lineOf = (level: string, message: string, cause?: unknown): string =>
  JSON.stringify({
    time: new Date().toISOString(),
    level,
    message,
    ...(cause !== undefined && {
      cause: clean(cause instanceof Error ? cause.stack ?? cause.message : String(cause))
    })
  })

const textOf = (part: unknown): string =>
  clean(
    typeof part === "string"
      ? part
      : Cause.isCause(part)
      ? Cause.pretty(part)
      : part instanceof Error
      ? part.message
      : JSON.stringify(part) ?? String(part)
  )

const clean = (text: string): string =>
  withoutLongNumbers(text)
    .replace(/[\w.+-]+@[\w-]+(?:\.[\w-]+)*\.[A-Za-z]{2,}/g, "[e-mail]")
    .replace(/\b(sk|whsec)_[A-Za-z0-9+/=_-]+/g, "$1_[secret]")
    .slice(0, TEXT_CHARACTERS_MAX)

/**
 * Appends to a file that only its owner may read. What cannot be written there, as on a full disk, goes
 * to the standard error: a log that fails must end nothing.
 */
export const toFile = (file: string): LogSink => {
  if (existsSync(file)) chmodSync(file, 0o600)
  return (line) => {
    try {
      appendFileSync(file, line + "\n", { mode: 0o600 })
    } catch {
      toStderr(line)
    }
  }
}
export const toStderr: LogSink = (line) => console.error(line)
