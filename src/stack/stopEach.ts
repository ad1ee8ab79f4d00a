/**
 * Stops what was started, the last first. What fails to stop keeps nothing else running; it is told
 * when all have been asked.
 */
export const stopEach = async (
  stops: ReadonlyArray<() => Promise<unknown> | void>
): Promise<void> => {
  const failures: Array<unknown> = []
  for (const stop of stops.toReversed()) {
    try {
      await stop()
    } catch (error) {
      failures.push(error)
    }
  }
  if (failures.length > 0) throw failures[0]
}
