import { hash } from "node:crypto"
import { canonicalJson } from "./canonicalJson.ts"

/** Tells a repeat from another body under the same name. */
export const fingerprint = (value: unknown): string => hash("sha256", canonicalJson(value), "hex")
