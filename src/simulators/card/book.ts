import { DatabaseSync, type StatementSync } from "node:sqlite"
import { Disputes } from "./disputes.ts"
import type { OperationKind, OperationRecord, OperationStatus } from "./operation.ts"

interface Owed {
  readonly payment_id: string
  readonly currency: string
  readonly amount: number
}

export interface SettlementRow {
  readonly merchant: string
  readonly payment_id: string
  readonly charge_id: string
  readonly kind: OperationKind
  readonly currency: string
  readonly amount: number
  readonly at_millis: number
}

/**
 * The simulator's own memory, in a file of its own: a gateway does not forget charges because our
 * process was killed. SQLite comes with both runtimes, and a million charges need no memory.
 */
export class Book {
  readonly disputes: Disputes
  private readonly db: DatabaseSync
  private readonly findStatement: StatementSync
  private readonly insertStatement: StatementSync
  private readonly countStatement: StatementSync

  constructor(file: string) {
    this.db = new DatabaseSync(file)
    this.db.exec(`
      pragma locking_mode = exclusive;
      pragma journal_mode = wal;
      pragma synchronous = off;
      pragma cache_size = -8192;
      create table if not exists operations (
        key text primary key, kind text not null, merchant text not null,
        payment_id text not null, charge_id text not null, amount integer not null,
        currency text not null, status text not null, captured integer not null,
        code text not null, at_millis integer not null, requests integer not null
      ) without rowid;
      create index if not exists operations_by_charge on operations (charge_id);
      create index if not exists operations_by_payment on operations (payment_id);
      create index if not exists operations_by_time on operations (at_millis);
    `)
    this.disputes = new Disputes(this.db)
    this.findStatement = this.db.prepare("select * from operations where key = ?")
    this.insertStatement = this.db.prepare(
      "insert into operations values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1)"
    )
    this.countStatement = this.db.prepare(
      "update operations set requests = requests + 1 where key = ?"
    )
  }

  find(key: string): OperationRecord | undefined {
    return this.findStatement.get(key) as OperationRecord | undefined
  }

  again(key: string): void {
    this.countStatement.run(key)
  }

  add(record: Omit<OperationRecord, "requests">): void {
    this.insertStatement.run(
      record.key,
      record.kind,
      record.merchant,
      record.payment_id,
      record.charge_id,
      record.amount,
      record.currency,
      record.status,
      record.captured,
      record.code,
      record.at_millis
    )
  }

  /** The payer acted, or the time to act ran out. */
  decide(chargeId: string, status: OperationStatus, captured: boolean, code: string): void {
    this.db.prepare(
      `update operations set status = ?, captured = ?, code = ?, at_millis = ?
       where charge_id = ? and kind = 'charge' and status = 'requires_action'`
    ).run(status, captured ? 1 : 0, code, Date.now(), chargeId)
  }

  /** The gateway's later word about an operation: what it said of it before counts no more. */
  revise(key: string, status: OperationStatus, code: string): void {
    this.db.prepare("update operations set status = ?, code = ? where key = ?")
      .run(status, code, key)
  }

  charge(chargeId: string): OperationRecord | undefined {
    return this.db.prepare("select * from operations where charge_id = ? and kind = 'charge'")
      .get(chargeId) as OperationRecord | undefined
  }

  /** What was captured and given back under one charge so far. */
  totals(chargeId: string): {
    authorized: number
    captured: number
    refunded: number
    voided: boolean
  } {
    const rows = this.db.prepare(
      "select kind, captured, amount from operations where charge_id = ? and status = 'approved'"
    ).all(chargeId) as unknown as ReadonlyArray<OperationRecord>
    const sum = (kinds: ReadonlyArray<OperationKind>) =>
      rows.filter((row) => kinds.includes(row.kind) && row.captured === 1)
        .reduce((total, row) => total + row.amount, 0)
    return {
      authorized: rows.filter(({ kind }) => kind === "charge" || kind === "increment")
        .reduce((total, row) => total + row.amount, 0),
      captured: sum(["charge", "capture"]),
      refunded: sum(["refund"]),
      voided: rows.some(({ kind }) => kind === "void")
    }
  }

  /** Money that moved on a day, in the order it moved. */
  settled(fromMillis: number, toMillis: number): ReadonlyArray<SettlementRow> {
    return this.db.prepare(
      `select merchant, payment_id, charge_id, kind, currency, amount, at_millis from operations
       where at_millis >= ? and at_millis < ? and status = 'approved' and captured = 1
       order by at_millis, key`
    ).all(fromMillis, toMillis) as unknown as ReadonlyArray<SettlementRow>
  }

  ofPayment(paymentId: string): ReadonlyArray<OperationRecord> {
    return this.db.prepare("select * from operations where payment_id = ? order by at_millis, key")
      .all(paymentId) as unknown as ReadonlyArray<OperationRecord>
  }

  /** What the gateway owes for each payment for which anything moved, minor units. */
  owed(): ReadonlyArray<Owed> {
    const moved = this.db.prepare(
      `select payment_id, currency,
         sum(case when kind = 'refund' then -amount else amount end) as amount
       from operations
       where status = 'approved' and captured = 1 and kind <> 'payout'
       group by payment_id, currency`
    ).all() as unknown as ReadonlyArray<Owed>
    const owed = new Map(moved.map((one) => [one.payment_id, one]))
    // Of a charge that was taken back, its dispute's fee is still to be paid.
    for (const { amount, currency, payment_id } of this.disputes.taken()) {
      const before = owed.get(payment_id)?.amount ?? 0
      owed.set(payment_id, { payment_id, currency, amount: before - amount })
    }
    return [...owed.values()]
  }

  summary(): {
    readonly operations: number
    readonly charges: number
    readonly charged_twice: ReadonlyArray<string>
    readonly totals: ReadonlyArray<{ currency: string; captured: number; refunded: number }>
  } {
    const one = (query: string) => (this.db.prepare(query).get() as { n: number }).n
    const twice = this.db.prepare(
      `select payment_id from operations where kind = 'charge' and status = 'approved'
       group by payment_id having count(*) > 1`
    ).all() as unknown as ReadonlyArray<{ payment_id: string }>
    return {
      operations: one("select count(*) as n from operations"),
      charges: one(
        "select count(*) as n from operations where kind = 'charge' and status = 'approved'"
      ),
      charged_twice: twice.map(({ payment_id }) => payment_id),
      totals: this.db.prepare(
        `select currency,
           sum(case when kind in ('charge', 'capture') then amount else 0 end) as captured,
           sum(case when kind = 'refund' then amount else 0 end) as refunded
         from operations where status = 'approved' and captured = 1
         group by currency order by currency`
      ).all() as unknown as ReadonlyArray<{ currency: string; captured: number; refunded: number }>
    }
  }

  close(): void {
    this.db.close()
  }
}
