import type { IncomingMessage, ServerResponse } from "node:http"

const BODY_BYTES_MAX = 64 * 1024

export const readText = (request: IncomingMessage): Promise<string> =>
  new Promise((resolve, reject) => {
    const chunks: Array<Uint8Array> = []
    let bytes = 0
    request.on("data", (chunk: Uint8Array) => {
      bytes += chunk.length
      if (bytes > BODY_BYTES_MAX) reject(new Error("the body is too large"))
      else chunks.push(chunk)
    })
    request.on("end", () => resolve(Buffer.concat(chunks).toString("utf8")))
    request.on("error", reject)
  })

export const readJson = async (request: IncomingMessage): Promise<unknown> =>
  JSON.parse((await readText(request)) || "{}")

export const json = (response: ServerResponse, status: number, body: unknown) => {
  if (response.destroyed || response.headersSent) return
  const text = JSON.stringify(body)
  response.writeHead(status, {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(text)
  })
  response.end(text)
}
