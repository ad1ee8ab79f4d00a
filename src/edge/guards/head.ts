import type { Guard } from "./knock.ts"

/** Nobody honest sends more; each of them is looked up and kept while the request lasts. */
const HEADERS_MAX = 100
/** The path not counted. The server's own limit, beyond which it cannot read a request, is 16 KiB. */
const HEAD_BYTES_MAX = 12 * 1024

/** Heads that are meant to cost. */
export const head: Guard = {
  name: "head",
  against: ({ head }) => {
    const count = head.length / 2
    const bytes = head.reduce((sum, { length }) => sum + length, 0)
    return count <= HEADERS_MAX && bytes <= HEAD_BYTES_MAX ? undefined : {
      code: "headers_too_large",
      detail: `a request has at most ${HEADERS_MAX} headers of ${HEAD_BYTES_MAX} bytes together`
    }
  }
}
