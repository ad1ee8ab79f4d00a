import { Effect } from "effect"
import { problem } from "./problem.ts"
import type { Asked } from "./route.ts"

/** Of what has a version; anything else has no tag. */
export const etagOf = (resource: unknown): string | undefined => {
  const { version } = (resource ?? {}) as { readonly version?: number }
  return version === undefined ? undefined : `"v${version}"`
}

/** RFC 9110 §8.8.3. */
const ENTITY_TAG = /(W\/)?("[\x21\x23-\x7e\x80-\uffff]*")/g

/** `*` is any that is there. Only a strong comparison minds that a tag is weak (RFC 9110 §8.8.3.2). */
const matches = (
  condition: string,
  etag: string | undefined,
  comparison: "strong" | "weak"
): boolean => {
  if (etag === undefined) return false
  if (condition.trim() === "*") return true
  return [...condition.matchAll(ENTITY_TAG)].some(([, weak, tag]) =>
    tag === etag && (comparison === "weak" || weak === undefined)
  )
}

/** Proxies weaken tags, so `W/"v3"` is what we said as well. */
export const isUnchanged = (asked: Asked, etag: string): boolean =>
  matches(asked.header("if-none-match") ?? "", etag, "weak")

/** A condition on a state that is there no more: nothing is done. */
export const assertMatch = (asked: Asked, etag: string | undefined) => {
  const condition = asked.header("if-match")
  return condition === undefined || matches(condition, etag, "strong") ? Effect.void : Effect.fail(
    problem("precondition_failed", `If-Match: it is at ${etag ?? "no version"} now`)
  )
}
