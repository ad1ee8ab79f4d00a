import { Schema } from "effect"
import { sql } from "kysely"
import { allScopes, isScope } from "../domain/scope.ts"
import { makeApiKey, type NewKey } from "./apiKeys.ts"
import type { Db } from "./database.ts"
import { hashOf, newSecret } from "./keySecret.ts"
import { keepAction } from "./operatorActions.ts"

/** A key as it can be shown. */
export const AccessKey = Schema.Struct({
  id: Schema.String,
  name: Schema.String,
  merchant: Schema.String,
  test: Schema.Boolean,
  scopes: Schema.Array(Schema.Literals(allScopes)),
  role: Schema.NullOr(Schema.String),
  addresses: Schema.Array(Schema.String),
  requests_per_second: Schema.NullOr(Schema.Int),
  made_by: Schema.NullOr(Schema.String),
  created_at: Schema.String,
  expires_at: Schema.NullOr(Schema.String),
  /** When its former secret ends, where it was rotated and that one still works. */
  former_until: Schema.NullOr(Schema.String),
  revoked_at: Schema.NullOr(Schema.String),
  /** Kept at most once a minute. */
  used_at: Schema.NullOr(Schema.String)
}).annotate({ identifier: "AccessKey" })
export type AccessKey = typeof AccessKey.Type

/** Who changes who may come in, and why. */
export interface Ordered {
  readonly action: string
  readonly who: string
  readonly why: string
}

/** Which keys are meant: those of a merchant, one of them. */
interface WantedKeys {
  readonly merchant?: string | undefined
  readonly id?: string | undefined
}

const audited = (
  ordered: Ordered,
  action: "create_key" | "rotate_key" | "revoke_key",
  merchant: string,
  outcome: string
) => ({
  id: ordered.action,
  who: ordered.who,
  action,
  // Keys open the edge and belong to no family.
  family: "edge",
  merchant: merchant === "" ? undefined : merchant,
  why: ordered.why,
  outcome
})

type Times = "created_at" | "expires_at" | "former_until" | "revoked_at" | "used_at"

/** The newest first; a key's newest secret stands for it. */
export const accessKeys = async (
  db: Db,
  { id, merchant }: WantedKeys
): Promise<ReadonlyArray<AccessKey>> => {
  const { rows } = await sql<
    & Omit<AccessKey, Times | "scopes">
    & { scopes: ReadonlyArray<string> }
    & { [time in Times]: Date | null }
  >`
    select * from (
      select distinct on (id) id, name, merchant, is_test as test, scopes, role, addresses,
        requests_per_second, made_by, revoked_at, expires_at,
        min(created_at) over same as created_at, max(used_at) over same as used_at,
        (select max(f.expires_at) from api_keys f
          where f.id = k.id and f.hash <> k.hash and f.expires_at > now()) as former_until
      from api_keys k
      where (${merchant ?? null}::text is null or merchant = ${merchant ?? null})
        and (${id ?? null}::text is null or id = ${id ?? null})
      window same as (partition by id)
      order by id, k.created_at desc
    ) newest order by created_at desc, id`.execute(db)
  return rows.map((row) => ({
    ...row,
    scopes: row.scopes.filter(isScope),
    created_at: row.created_at!.toISOString(),
    expires_at: row.expires_at?.toISOString() ?? null,
    former_until: row.former_until?.toISOString() ?? null,
    revoked_at: row.revoked_at?.toISOString() ?? null,
    used_at: row.used_at?.toISOString() ?? null
  }))
}

/** Makes a key and writes down who did; neither without the other. Answers its secret, once. */
export const createAccessKey = (
  db: Db,
  key: NewKey,
  ordered: Ordered
): Promise<{ readonly key: AccessKey; readonly secret: string }> =>
  db.transaction().execute(async (trx) => {
    const { id, secret } = await makeApiKey(trx, { ...key, madeBy: ordered.who })
    const may = [...key.role === undefined ? [] : [`role ${key.role}`], ...key.scopes].join(" ")
    const outcome = `made ${id} (${key.name}): ${may}`
    await keepAction(trx, audited(ordered, "create_key", key.merchant, outcome))
    return { key: (await accessKeys(trx, { id }))[0]!, secret }
  })

/**
 * A second secret for the same key; those before it end after the grace. Undefined where there is no such
 * key, or none that lives.
 */
export const rotateAccessKey = (
  db: Db,
  wanted: WantedKeys & { readonly id: string },
  graceSeconds: number,
  ordered: Ordered
): Promise<{ readonly key: AccessKey; readonly secret: string } | undefined> =>
  db.transaction().execute(async (trx) => {
    const [before] = await accessKeys(trx, wanted)
    if (before === undefined || before.revoked_at !== null) return undefined
    const { id, merchant, name } = before
    const secret = newSecret(before.test ? "test" : "live")
    await sql`
      insert into api_keys (hash, id, name, merchant, scopes, role, expires_at, addresses,
        requests_per_second, made_by, is_test)
      select ${hashOf(secret)}, id, name, merchant, scopes, role, expires_at, addresses,
        requests_per_second, ${ordered.who}, is_test
      from api_keys where id = ${id} order by created_at desc limit 1`.execute(trx)
    await sql`
      update api_keys set expires_at = least(expires_at, now() + make_interval(secs => ${graceSeconds}))
      where id = ${id} and hash <> ${hashOf(secret)}`.execute(trx)
    const outcome = `rotated ${id} (${name}): the former secret ends after ${graceSeconds} s`
    await keepAction(trx, audited(ordered, "rotate_key", merchant, outcome))
    return { key: (await accessKeys(trx, { id }))[0]!, secret }
  })

/** Ends a key and writes down who did. Undefined where there is none; a revoked one stays as it is. */
export const revokeAccessKey = (
  db: Db,
  wanted: WantedKeys & { readonly id: string },
  ordered: Ordered
): Promise<AccessKey | undefined> =>
  db.transaction().execute(async (trx) => {
    const { rows: ended } = await sql<{ merchant: string; name: string }>`
      update api_keys set revoked_at = now()
      where id = ${wanted.id} and revoked_at is null
        and (${wanted.merchant ?? null}::text is null or merchant = ${wanted.merchant ?? null})
      returning merchant, name`.execute(trx)
    if (ended[0] !== undefined) {
      const { merchant, name } = ended[0]
      const outcome = `revoked ${wanted.id} (${name})`
      await keepAction(trx, audited(ordered, "revoke_key", merchant, outcome))
    }
    return (await accessKeys(trx, wanted))[0]
  })
