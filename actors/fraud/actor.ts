import type { MessageOf } from "../../src/runtime/actor.ts"
import { Restart } from "../../src/runtime/supervision.ts"
import { keyed } from "../../streams/actors.ts"
import { FraudMessages } from "../../streams/messages/fraud.ts"
import { decide } from "./decide.ts"
import { defaultRules, RuleSet } from "./rules.ts"
import { subjectsOf } from "./state.ts"
import { load, save } from "./store.ts"

/** Scores payments by rules over what is known of their customer and device. */
export const fraud = keyed({
  family: "fraud",
  messages: FraudMessages,
  ingress: [],
  keysOf: ({ body }: MessageOf<typeof FraudMessages>) => {
    const [payer, ...others] = subjectsOf(body)
    return [payer.key, ...others.map(({ key }) => key)] as const
  },
  config: { schema: RuleSet, initial: defaultRules },
  decide,
  load,
  save,
  tables: { states: ["fraud_profiles"], journals: [] },
  supervision: { DatabaseUnavailable: Restart }
})
