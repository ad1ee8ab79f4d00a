import type { GuardSettings } from "../edge/guards/chain.ts"
import { type GuardName, guardNames } from "../edge/guards/knock.ts"
import type { Environment } from "./environment.ts"

const listOf = (text: string | undefined): ReadonlyArray<string> =>
  (text ?? "").split(",").map((one) => one.trim()).filter((one) => one !== "")

/** Whether there is such a rule at the door. */
export const isGuard = (name: string): name is GuardName =>
  (guardNames as ReadonlyArray<string>).includes(name)

/** Who is let in, as the environment says it. */
export const guardsOf = (environment: Environment): GuardSettings => ({
  trustedProxies: listOf(environment["LASTRO_TRUSTED_PROXIES"]),
  allowed: listOf(environment["LASTRO_ALLOWED_ADDRESSES"]),
  denied: listOf(environment["LASTRO_DENIED_ADDRESSES"]),
  watched: new Set(listOf(environment["LASTRO_GUARDS_WATCHED"]).filter(isGuard))
})
