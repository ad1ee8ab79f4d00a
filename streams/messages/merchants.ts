import { Schema } from "effect"
import { CommandId } from "../../src/domain/identifiers.ts"

/** Somebody has this merchant. Said as often as one likes; only the platform and the edge may. */
const OpenMerchant = Schema.Struct({ command_id: CommandId })

export const MerchantMessages = { open_merchant: OpenMerchant }
