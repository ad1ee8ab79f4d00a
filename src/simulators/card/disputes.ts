import type { DatabaseSync } from "node:sqlite"
import { derivedId } from "../../domain/identifiers.ts"
import type { OperationRecord } from "./operation.ts"

export type DisputeStatus = "warning" | "needs_response" | "under_review" | "won" | "lost"

export interface DisputeRecord {
  readonly id: string
  readonly charge_id: string
  readonly payment_id: string
  readonly amount: number
  readonly currency: string
  readonly fee: number
  readonly reason: string
  readonly status: DisputeStatus
  readonly due_millis: number
  /** What was said against it last, as it came. */
  readonly evidence: string
}

interface Taken {
  readonly payment_id: string
  readonly currency: string
  readonly amount: number
}

export interface Complaint {
  readonly amount?: number
  readonly fee?: number
  readonly reason?: string
  readonly status?: DisputeStatus
}

/** What the gateway takes for a dispute, in minor units of any currency. */
const FEE = 1_500
const ANSWER_MILLIS = 7 * 86_400_000

/** Words that decide, as in the test modes of real gateways. Any other evidence waits for a decision. */
const DECIDING = { winning_evidence: "won", losing_evidence: "lost" } as const

/** Charges that payers' banks took back. */
export class Disputes {
  private readonly db: DatabaseSync

  constructor(db: DatabaseSync) {
    this.db = db
    db.exec(`
      create table if not exists disputes (
        id text primary key, charge_id text not null, payment_id text not null,
        amount integer not null, currency text not null, fee integer not null,
        reason text not null, status text not null, due_millis integer not null,
        evidence text not null
      ) without rowid;
    `)
  }

  find(id: string): DisputeRecord | undefined {
    return this.db.prepare("select * from disputes where id = ?").get(id) as
      | DisputeRecord
      | undefined
  }

  /** Those that nobody has decided. */
  open(): ReadonlyArray<string> {
    const rows = this.db.prepare(
      "select id from disputes where status in ('needs_response', 'under_review') order by id"
    ).all() as unknown as ReadonlyArray<{ id: string }>
    return rows.map(({ id }) => id)
  }

  /** What the gateway took back and charged for it, by payment and currency. */
  taken(): ReadonlyArray<Taken> {
    return this.db.prepare(
      `select payment_id, currency, sum(fee +
         case when status in ('needs_response', 'under_review', 'lost') then amount else 0 end
       ) as amount
       from disputes where status <> 'warning' group by payment_id, currency`
    ).all() as unknown as ReadonlyArray<Taken>
  }

  /** The payer complains at the bank. One more complaint about the same charge is another dispute. */
  complain(charge: OperationRecord, { amount, fee, reason, status }: Complaint): DisputeRecord {
    const { n } = this.db.prepare("select count(*) as n from disputes where charge_id = ?")
      .get(charge.charge_id) as { n: number }
    const made: DisputeRecord = {
      id: derivedId("dp", charge.charge_id, String(n + 1)),
      charge_id: charge.charge_id,
      payment_id: charge.payment_id,
      amount: amount ?? charge.amount,
      currency: charge.currency,
      fee: fee ?? FEE,
      reason: reason ?? "fraudulent",
      status: status ?? "needs_response",
      due_millis: Date.now() + ANSWER_MILLIS,
      evidence: ""
    }
    this.db.prepare("insert into disputes values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)").run(
      ...[made.id, made.charge_id, made.payment_id, made.amount, made.currency, made.fee],
      ...[made.reason, made.status, made.due_millis, made.evidence]
    )
    return made
  }

  decide(id: string, status: DisputeStatus): void {
    this.db.prepare("update disputes set status = ? where id = ?").run(status, id)
  }

  /** Only while it waits for an answer. */
  defend(id: string, evidence: string): boolean {
    const { changes } = this.db.prepare(
      `update disputes set evidence = ?, status = 'under_review'
       where id = ? and status in ('needs_response', 'under_review')`
    ).run(evidence, id)
    return changes > 0
  }
}

/** How a dispute ends by what was said against it; undefined where somebody has to decide. */
export const decisionOf = (evidence: string): DisputeStatus | undefined => {
  const word = (Object.keys(DECIDING) as Array<keyof typeof DECIDING>)
    .find((one) => evidence.includes(one))
  return word && DECIDING[word]
}
