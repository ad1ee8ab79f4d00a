import { sql } from "kysely"
import { mailboxes, PARTITIONS } from "../../../streams/mailboxes.ts"
import { slotKey } from "../../runtime/placement.ts"
import { ownerOf } from "../../runtime/rendezvous.ts"
import { connect, type Db } from "../../store/database.ts"

/** One owner's time with one partition: from its take-over until the next one's. */
export interface Tenure {
  /** `payments.3` */
  readonly slot: string
  readonly owner: string
  /** Revision of the lease under which it was taken. */
  readonly epoch: number
  readonly sinceMillis: number
}

const LOOK_EVERY_MILLIS = 100

/** Every partition that has an owner. */
export const slots: ReadonlyArray<string> = mailboxes.filter(({ kind }) => kind === "keyed")
  .flatMap(({ mailbox }) =>
    Array.from({ length: PARTITIONS }, (_, partition) => slotKey({ mailbox, partition }))
  )

/** Watches in PostgreSQL who owns which partition. A tenure shorter than a look may be missed. */
export class Ownership {
  readonly tenures: Array<Tenure> = []
  private readonly db: Db
  private readonly current = new Map<string, Tenure>()
  private readonly looking: Promise<void>
  private going = true

  constructor(databaseUrl: string) {
    this.db = connect(databaseUrl, 1)
    this.looking = this.look()
  }

  /** Who owns what by now, as far as it was seen. */
  owners(): ReadonlyMap<string, Tenure> {
    return this.current
  }

  /** Whether every partition belongs to the one whom rendezvous hashing names among these. */
  isSettled(members: ReadonlyArray<string>): boolean {
    return slots.every((slot) => this.current.get(slot)?.owner === ownerOf(members, slot))
  }

  async stop(): Promise<void> {
    this.going = false
    await this.looking
    await this.db.destroy()
  }

  private async look(): Promise<void> {
    while (this.going) {
      const { rows } = await sql<
        { family: string; partition: number; owner: string; epoch: string }
      >`select family, partition, owner, epoch_revision::text as epoch from cursors`
        .execute(this.db).catch(() => ({ rows: [] }))
      for (const { epoch, family, owner, partition } of rows) {
        const slot = `${family}.${partition}`
        if (this.current.get(slot)?.epoch === Number(epoch)) continue
        const tenure = { slot, owner, epoch: Number(epoch), sinceMillis: Date.now() }
        this.current.set(slot, tenure)
        this.tenures.push(tenure)
      }
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MILLIS))
    }
  }
}
