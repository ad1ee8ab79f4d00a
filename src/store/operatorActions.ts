import { Schema } from "effect"
import { sql } from "kysely"
import { storable } from "../domain/text.ts"
import type { Db, Statement } from "./database.ts"
import { rowsOf } from "./rowsOf.ts"

/** One thing an operator (or a breaker) did. Kept for ever: who, when, what, why, and what came of it. */
export interface OperatorAction {
  readonly id: string
  readonly who: string
  readonly action:
    | "pause"
    | "resume"
    | "replay"
    | "discard"
    | "show"
    | "trip"
    | "sign_in"
    | "consent"
    | "create_client"
    | "revoke_client"
    | "create_key"
    | "rotate_key"
    | "revoke_key"
  readonly family: string
  readonly merchant?: string | undefined
  readonly actorKey?: string | undefined
  readonly deadLetter?: string | undefined
  readonly why: string
  /** Known at once where no partition has to answer. */
  readonly outcome?: string
}

/** Written before it is done: what cannot be written down is not done. */
export const keepAction = async (db: Db, one: OperatorAction): Promise<void> => {
  const outcome = one.outcome ?? null
  await sql`
    insert into operator_actions (id, who, action, family, merchant, actor_key, dead_letter, why,
      outcome, done_at)
    values (${one.id}, ${one.who}, ${one.action}, ${one.family}, ${one.merchant ?? null},
      ${one.actorKey ?? null}, ${one.deadLetter ?? null}, ${storable(one.why)}, ${outcome},
      case when ${outcome}::text is null then null else now() end)
    on conflict (id) do nothing`.execute(db)
}

/** What became of actions. Inside the turn that did them. */
export const answerActions = (
  answers: ReadonlyArray<{ readonly id: string; readonly outcome: string }>
): Statement =>
  sql`
    update operator_actions a set outcome = n.outcome, done_at = now()
    from ${
    rowsOf(answers, { id: ["text", ({ id }) => id], outcome: ["text", ({ outcome }) => outcome] })
  } as n
    where a.id = n.id and a.done_at is null`

export const OperatorActionView = Schema.Struct({
  id: Schema.String,
  at: Schema.String,
  who: Schema.String,
  action: Schema.String,
  family: Schema.String,
  merchant: Schema.NullOr(Schema.String),
  key: Schema.NullOr(Schema.String),
  dead_letter: Schema.NullOr(Schema.String),
  why: Schema.String,
  outcome: Schema.NullOr(Schema.String),
  done_at: Schema.NullOr(Schema.String)
}).annotate({ identifier: "Action" })
type OperatorActionView = typeof OperatorActionView.Type

/** The newest first. */
export const operatorActions = async (
  db: Db,
  wanted: { readonly id?: string | undefined; readonly deadLetter?: string | undefined },
  limit: number
): Promise<ReadonlyArray<OperatorActionView>> => {
  const { rows } = await sql<
    Omit<OperatorActionView, "at" | "done_at"> & { at: Date; done_at: Date | null }
  >`
    select id, at, who, action, family, merchant, actor_key as key, dead_letter, why, outcome,
      done_at
    from operator_actions
    where (${wanted.id ?? null}::text is null or id = ${wanted.id ?? null})
      and (${wanted.deadLetter ?? null}::text is null
        or dead_letter = ${wanted.deadLetter ?? null})
    order by at desc, id desc limit ${limit}`.execute(db)
  return rows.map((row) => ({
    ...row,
    at: row.at.toISOString(),
    done_at: row.done_at?.toISOString() ?? null
  }))
}
