import { lineOf, type LogSink } from "../telemetry/logs.ts"

/** So many of them within the window are no accident: a supervisor's fresh process is the better one. */
const UNFORESEEN_MAX = 10
const WINDOW_MILLIS = 60_000
const EXIT_BROKEN = 1

/** Somebody who reads no further, as `head` does, has no use for more. */
const isReaderGone = (error: unknown): boolean => {
  const { code, syscall } = (error ?? {}) as { code?: string; syscall?: string }
  return code === "EPIPE" && syscall === "write" && process.stdout.writable === false
}

/**
 * Errors that reached nobody: of a socket after its owner let it go, of a timer, of a promise that nobody
 * waits for. What they belonged to has failed already, and everything durable is in the mailboxes and in
 * PostgreSQL, so a process that serves tells them and goes on, until they do not stop. A command that ends
 * by itself would wait in vain for what failed: it ends.
 */
export const tellUnforeseen = (serves: () => boolean, tell: LogSink): void => {
  let at: ReadonlyArray<number> = []
  const unforeseen = (kind: string) => (cause: unknown) => {
    if (isReaderGone(cause)) process.exit(0)
    const now = performance.now()
    at = [...at.filter((earlier) => now - earlier < WINDOW_MILLIS), now]
    const ends = !serves() || at.length > UNFORESEEN_MAX
    tell(lineOf(
      ends ? "fatal" : "error",
      `${kind}${ends ? ": this process ends" : ": it goes on"}`,
      cause
    ))
    if (ends) process.exit(EXIT_BROKEN)
  }
  process.on("uncaughtException", unforeseen("an error that nobody handled"))
  process.on("unhandledRejection", unforeseen("a failure that nobody waited for"))
}
