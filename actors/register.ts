import type { FamilyTables } from "../src/runtime/actor.ts"
import {
  type AnyActor,
  type AnyKeyed,
  anyKeyed,
  type AnyOutbound,
  anyOutbound
} from "../src/runtime/registry.ts"
import { families, type FamilyOf } from "../streams/mailboxes.ts"
import { delivery } from "./delivery/actor.ts"
import { fraud } from "./fraud/actor.ts"
import { gateway } from "./gateway/actor.ts"
import type { Gateway } from "./gateway/port.ts"
import { messaging } from "./messaging/actor.ts"
import { payments } from "./payments/actor.ts"
import { reconciliation } from "./reconciliation/actor.ts"

/** Every keyed family, once: what works, replays, keeps and judges it reads it here. */
const keyed: { readonly [Of in FamilyOf<"keyed">]: AnyKeyed & { readonly family: Of } } = {
  payments: anyKeyed(payments),
  fraud: anyKeyed(fraud),
  messaging: anyKeyed(messaging),
  reconciliation: anyKeyed(reconciliation)
}

export const keyedActors: ReadonlyArray<AnyKeyed> = Object.values(keyed)

export interface OutboundSettings {
  readonly gateways: ReadonlyArray<Gateway>
  readonly allowPrivateWebhooks: boolean
}

type Outbound = { readonly [Of in FamilyOf<"outbound">]: AnyOutbound & { readonly family: Of } }

/** Those that call the world, which they have to be told of. */
const outbound = ({ allowPrivateWebhooks, gateways }: OutboundSettings): Outbound => ({
  gateway: anyOutbound(gateway(gateways)),
  delivery: anyOutbound(delivery({ allowPrivateAddresses: allowPrivateWebhooks }))
})

export const outboundActors = (settings: OutboundSettings): ReadonlyArray<AnyOutbound> =>
  Object.values(outbound(settings))

/** Every actor, ready to run. */
export const actorsOf = (settings: OutboundSettings): ReadonlyArray<AnyActor> => {
  const all = { ...keyed, ...outbound(settings) }
  return families.map(({ family }) => all[family])
}

/** Which family writes which table. */
export const familyTables: Readonly<Record<string, FamilyTables>> = Object.fromEntries(
  keyedActors.flatMap(({ family, tables }) => tables === undefined ? [] : [[family, tables]])
)
