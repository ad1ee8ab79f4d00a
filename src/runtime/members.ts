import { Schema } from "effect"
import type { StoredConfig } from "../store/takeover.ts"
import type { ParkedKeyRow } from "../store/parked.ts"
import { keyId } from "./actor.ts"
import { opener } from "./opener.ts"
import type { Member } from "./owned.ts"
import type { Actors } from "./registry.ts"
import { StateCache } from "./states.ts"

/** The families of a partition, each with nothing in memory and the configuration that it took last. */
export const membersOf = (
  actors: Actors,
  configs: ReadonlyMap<string, StoredConfig>,
  partitions: number
): ReadonlyMap<string, Member> =>
  new Map([...actors].map(([family, actor]) => {
    const { initial, schema } = actor.config
    const stored = configs.get(family)
    const config = stored === undefined
      ? { version: 0, value: initial }
      : { version: stored.version, value: Schema.decodeUnknownSync(schema)(stored.doc) }
    return [family, {
      actor,
      cache: new StateCache(),
      open: opener(actor, partitions),
      config
    }]
  }))

export const parkedOf = (rows: ReadonlyArray<ParkedKeyRow>) =>
  new Map(rows.map((key) => [keyId(key.family, key.merchant, key.actorKey), key]))
