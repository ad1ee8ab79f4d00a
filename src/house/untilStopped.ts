/** One Ctrl-C arrives several times: by the terminal, and passed on by npx and `deno task` around us. */
const SAME_MILLIS = 1_000

/** Ctrl-C or a supervisor's SIGTERM. A second one does not wait. To be called before anything starts. */
export const untilStopped = (): Promise<void> =>
  new Promise((resolve) => {
    let askedAt: number | undefined
    const stop = () => {
      const now = performance.now()
      if (askedAt !== undefined && now - askedAt > SAME_MILLIS) process.exit(130)
      askedAt ??= now
      resolve()
    }
    process.on("SIGINT", stop)
    process.on("SIGTERM", stop)
  })
