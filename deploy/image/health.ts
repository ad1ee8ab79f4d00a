/** Whether the role that runs in this container is alive: 0, or 1 with the reason. */
const url = `http://127.0.0.1:${process.env["LASTRO_PORT"] ?? 8787}/healthz`
try {
  const answer = await fetch(url, { signal: AbortSignal.timeout(2000) })
  if (!answer.ok) throw new Error(`${url} answered ${answer.status}`)
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exit(1)
}
