import * as metrics from "../../telemetry/metrics.ts"
import { address, type AddressLists } from "./address.ts"
import { head } from "./head.ts"
import type { Guard, GuardName, Knock, Refusal } from "./knock.ts"
import { method } from "./method.ts"
import { path } from "./path.ts"
import { scanner } from "./scanner.ts"

export interface GuardSettings extends AddressLists {
  /** Who may say where a request comes from (`X-Forwarded-For`). */
  readonly trustedProxies: ReadonlyArray<string>
  /** Rules that count what they would refuse, and let it pass. */
  readonly watched: ReadonlySet<GuardName>
}

export const openDoor: GuardSettings = {
  trustedProxies: [],
  allowed: [],
  denied: [],
  watched: new Set()
}

/** The rules at the door, the cheapest first. The first that has something against a request says no. */
export const guardChain = (
  settings: GuardSettings
): (knock: Knock) => Refusal | undefined => {
  const chain: ReadonlyArray<Guard> = [head, method, path, address(settings), scanner]
  return (knock) => {
    for (const { against, name } of chain) {
      const refusal = against(knock)
      if (refusal === undefined) continue
      if (!settings.watched.has(name)) {
        metrics.edgeRefused.inc({ guard: name })
        return refusal
      }
      metrics.edgeWatched.inc({ guard: name })
    }
    return undefined
  }
}

/** Rules that hold while a body arrives, by what they answer. They guard memory, and always refuse. */
const arriving: Readonly<Record<string, string>> = {
  too_large: "body_size",
  too_slow: "slow_body",
  too_deep: "body_depth",
  unsupported_media_type: "content_type"
}

/** Counts a problem that one of these rules answered with. */
export const countArriving = (code: string): void => {
  const guard = arriving[code]
  if (guard !== undefined) metrics.edgeRefused.inc({ guard })
}
