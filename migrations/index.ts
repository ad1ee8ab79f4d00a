import type { Kysely } from "kysely"
import * as machine from "./0001_machine.ts"
import * as ledger from "./0002_ledger.ts"
import * as payments from "./0003_payments.ts"
import * as fraud from "./0004_fraud.ts"
import * as messaging from "./0005_messaging.ts"
import * as reconciliation from "./0006_reconciliation.ts"
import * as edge from "./0007_edge.ts"
import * as bundles from "./0008_bundles.ts"
import * as disputes from "./0010_disputes.ts"
import * as payouts from "./0011_payouts.ts"
import * as ledgerReads from "./0020_ledger_reads.ts"
import * as auditTree from "./0021_audit_tree.ts"
import * as transfers from "./0022_transfers.ts"
import * as fx from "./0023_fx.ts"
import * as operate from "./0040_operate.ts"
import * as meter from "./0050_meter.ts"
import * as turnNotes from "./0051_turn_notes.ts"
import * as refusedCommands from "./0052_refused_commands.ts"
import * as merchants from "./0053_merchants.ts"
import * as quoteEnds from "./0054_quote_ends.ts"
import * as paymentPast from "./0057_payment_past.ts"
import * as pendingBalances from "./0061_pending_balances.ts"
import * as paymentSearch from "./0063_payment_search.ts"
import * as deployment from "./0066_deployment.ts"
import * as access from "./0106_access.ts"
import * as accessChanges from "./0107_access_changes.ts"
import * as sessions from "./0108_sessions.ts"
import * as oauth from "./0109_oauth.ts"
import * as actionChain from "./0110_action_chain.ts"
import * as plainDocuments from "./0116_plain_documents.ts"
import * as paymentTexts from "./0117_payment_texts.ts"
import * as turnTransactions from "./0118_turn_transactions.ts"
import * as steps from "./0121_steps.ts"

/** A database that ends before this one cannot be upgraded: its turns are stored as nobody reads them now. */
export const OLDEST = "0008_bundles"

/** In order; a migration that has run anywhere is never edited. */
export const migrations: Readonly<Record<string, { up: (db: Kysely<unknown>) => Promise<void> }>> =
  {
    "0001_machine": machine,
    "0002_ledger": ledger,
    "0003_payments": payments,
    "0004_fraud": fraud,
    "0005_messaging": messaging,
    "0006_reconciliation": reconciliation,
    "0007_edge": edge,
    "0008_bundles": bundles,
    "0010_disputes": disputes,
    "0011_payouts": payouts,
    "0020_ledger_reads": ledgerReads,
    "0021_audit_tree": auditTree,
    "0022_transfers": transfers,
    "0023_fx": fx,
    "0040_operate": operate,
    "0050_meter": meter,
    "0051_turn_notes": turnNotes,
    "0052_refused_commands": refusedCommands,
    "0053_merchants": merchants,
    "0054_quote_ends": quoteEnds,
    "0057_payment_past": paymentPast,
    "0061_pending_balances": pendingBalances,
    "0063_payment_search": paymentSearch,
    "0066_deployment": deployment,
    "0106_access": access,
    "0107_access_changes": accessChanges,
    "0108_sessions": sessions,
    "0109_oauth": oauth,
    "0110_action_chain": actionChain,
    "0116_plain_documents": plainDocuments,
    "0117_payment_texts": paymentTexts,
    "0118_turn_transactions": turnTransactions,
    "0121_steps": steps
  }
