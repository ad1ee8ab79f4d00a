import { sql } from "kysely"
import { type ApiKey, createApiKey } from "./apiKeys.ts"
import type { Db } from "./database.ts"
import { keepAction } from "./operatorActions.ts"

/** A key as it can be shown: its identifier is a part of a hash, and tells nothing of its secret. */
export interface AccessKey extends ApiKey {
  readonly id: string
  readonly created_at: string
  readonly revoked_at: string | null
}

/** Who changes who may come in, and why. */
export interface Ordered {
  readonly action: string
  readonly who: string
  readonly why: string
}

/** Enough of the hash to name one key among any number of them. */
const ID_CHARACTERS = 16

const idOf = sql`left(encode(hash, 'hex'), ${sql.lit(ID_CHARACTERS)})`

const audited = (
  ordered: Ordered,
  action: "create_key" | "revoke_key",
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

/** The newest first. */
export const accessKeys = async (
  db: Db,
  wanted: { readonly merchant?: string | undefined; readonly id?: string | undefined }
): Promise<ReadonlyArray<AccessKey>> => {
  const { rows } = await sql<
    Omit<AccessKey, "created_at" | "revoked_at"> & { created_at: Date; revoked_at: Date | null }
  >`
    select ${idOf} as id, name, merchant, scopes, created_at, revoked_at from api_keys
    where (${wanted.merchant ?? null}::text is null or merchant = ${wanted.merchant ?? null})
      and (${wanted.id ?? null}::text is null or ${idOf} = ${wanted.id ?? null})
    order by created_at desc, hash`.execute(db)
  return rows.map((row) => ({
    ...row,
    created_at: row.created_at.toISOString(),
    revoked_at: row.revoked_at?.toISOString() ?? null
  }))
}

/** Makes a key and writes down who did; neither without the other. Answers its secret, once. */
export const createAccessKey = (
  db: Db,
  key: ApiKey,
  ordered: Ordered
): Promise<{ readonly key: AccessKey; readonly secret: string }> =>
  db.transaction().execute(async (trx) => {
    const secret = await createApiKey(trx, key)
    const { rows: [made] } = await sql<{ id: string }>`
      select ${idOf} as id from api_keys where hash = sha256(${secret}::bytea)`.execute(trx)
    const { id } = made!
    await keepAction(trx, audited(ordered, "create_key", key.merchant, `made ${id} (${key.name})`))
    return { key: (await accessKeys(trx, { id }))[0]!, secret }
  })

/** Ends a key and writes down who did. Undefined where there is none; a revoked one stays as it is. */
export const revokeAccessKey = (
  db: Db,
  id: string,
  ordered: Ordered
): Promise<AccessKey | undefined> =>
  db.transaction().execute(async (trx) => {
    const { rows: [ended] } = await sql<{ merchant: string; name: string }>`
      update api_keys set revoked_at = now() where ${idOf} = ${id} and revoked_at is null
      returning merchant, name`.execute(trx)
    if (ended !== undefined) {
      const outcome = `revoked ${id} (${ended.name})`
      await keepAction(trx, audited(ordered, "revoke_key", ended.merchant, outcome))
    }
    return (await accessKeys(trx, { id }))[0]
  })
