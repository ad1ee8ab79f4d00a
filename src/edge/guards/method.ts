import type { Guard } from "./knock.ts"

const METHODS: ReadonlySet<string> = new Set([
  ...["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
])

/** Methods of which no route has ever been: tracing, tunnelling, what WebDAV brought. */
export const method: Guard = {
  name: "method",
  against: ({ method }) =>
    METHODS.has(method)
      ? undefined
      : { code: "method_not_allowed", detail: `no address here takes ${method.slice(0, 20)}` }
}
