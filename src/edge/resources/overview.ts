import { Schema } from "effect"
import { Break } from "../../../actors/reconciliation/read.ts"
import { MinorUnits, Time } from "../../../streams/resources/parts.ts"
import { TrialBalanceLine } from "../../ledger/trialBalance.ts"
import { FamilyState } from "../../proof/health/familyStates.ts"
import { Signal } from "../../proof/health/signal.ts"
import { Stranger } from "../../runtime/strangers.ts"
import { DeadLetterView } from "../../store/deadLetterList.ts"
import { KeyAside } from "../../store/keysAside.ts"
import { MeterReading } from "../../store/meter.ts"
import { Review } from "./review.ts"

/** What the operator page shows. What did not answer in time is named in `unknown`. */
export const Overview = Schema.Struct({
  at: Time,
  health: Schema.Array(Signal),
  unknown: Schema.Array(Schema.String),
  commands_per_second: Schema.Finite,
  captured_per_second: Schema.Finite,
  latency_ms: Schema.NullOr(
    Schema.Struct({ p50: Schema.optional(Schema.Finite), p99: Schema.optional(Schema.Finite) })
  ),
  families: Schema.Array(FamilyState),
  strangers: Schema.Array(Stranger),
  meter: Schema.NullOr(MeterReading),
  payments: Schema.Array(
    Schema.Struct({
      id: Schema.String,
      merchant: Schema.String,
      status: Schema.String,
      amount: MinorUnits,
      currency: Schema.String,
      created_at: Time
    })
  ),
  reviews: Schema.Array(Review),
  keys: Schema.Array(KeyAside),
  dead_letters_open: Schema.Int,
  dead_letters: Schema.Array(DeadLetterView),
  breaks: Schema.Array(Break),
  trial_balance: Schema.Array(TrialBalanceLine)
}).annotate({ identifier: "Overview" })
