/** Ctrl-C or a supervisor's SIGTERM. A second one does not wait. To be called before anything starts. */
export const untilStopped = (): Promise<void> =>
  new Promise((resolve) => {
    let asked = false
    const stop = () => {
      if (asked) process.exit(130)
      asked = true
      resolve()
    }
    process.on("SIGINT", stop)
    process.on("SIGTERM", stop)
  })
