import { createHash } from "node:crypto"
import { canonicalJson } from "./canonicalJson.ts"

/** Tells a repeat from another body under the same name. */
export const fingerprint = (value: unknown): string =>
  createHash("sha256").update(canonicalJson(value)).digest("base64url")
