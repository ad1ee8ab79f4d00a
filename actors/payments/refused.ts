import { Result, Schema } from "effect"
import { fingerprint } from "../../src/domain/fingerprint.ts"
import { derivedId } from "../../src/domain/identifiers.ts"
import type { MessageOf, Received, States } from "../../src/runtime/actor.ts"
import type { PaymentsMessages } from "../../streams/messages/payments.ts"
import { type Decided, refuse } from "./decided.ts"
import { quoteIn } from "./quote.ts"
import {
  isQuote,
  isRefused,
  type RefusalCode,
  SeenCommand,
  type State,
  type Terms
} from "./state.ts"

/**
 * Commands that were refused under a key that holds nothing else: what they asked for was never made,
 * so that nothing else remembers them.
 */
export const Refused = Schema.TaggedStruct("Refused", {
  id: Schema.String,
  merchant: Schema.String,
  commands: Schema.Array(SeenCommand),
  /** From this time of the decision clock on it counts for nothing, and its row may go. */
  until: Schema.Finite
})
export type Refused = typeof Refused.Type

/** How long a refused command is refused again. Whoever repeats one does it sooner. */
export const REFUSED_MILLIS = 30 * 86_400_000

/** Commands remembered for something that is not there. */
const COMMANDS_MAX = 50

type Message = MessageOf<typeof PaymentsMessages>

const PREFIX = "cmd"

/** Where a command is remembered that makes nothing of its own, beside what it is about. */
export const commandKeyOf = (type: string, merchant: string, commandId: string): string =>
  derivedId(PREFIX, merchant, type, commandId)

export const isCommandKey = (key: string): boolean => key.startsWith(`${PREFIX}_`)

/** The key of what a command makes or is about: where a refusal of it is remembered. */
const placeOf = (message: Message, keys: ReadonlyArray<string>): string | undefined => {
  switch (message.type) {
    case "payout":
      return keys[1]
    case "payout_returned":
    case "reverse_conversion":
      return keys.at(-1)
    default:
      return "command_id" in message.body ? keys[0] : undefined
  }
}

/** Whether a state still says that something was refused here. */
export const isRemembered = (state: State | undefined, at: number): state is Refused =>
  state !== undefined && isRefused(state) && at < state.until

/** What is remembered of commands about something that is not there. */
export const refusedBefore = (
  state: State | undefined,
  at: number
): ReadonlyArray<typeof SeenCommand.Type> => isRemembered(state, at) ? state.commands : []

/**
 * A command that was refused is refused again with the same answer, whatever has changed since: the
 * merchant has money now, there are other terms, the thing exists. What is there remembers by itself.
 */
export const remembering = (
  states: States<State>,
  message: Message,
  received: Received<Terms>,
  decide: () => Decided
): Decided => {
  const place = placeOf(message, received.keys)
  const state = place === undefined ? undefined : states.get(place)
  // A quote that counts no more remembers nothing, whether its row is there still or not.
  const known = state !== undefined && isQuote(state) ? quoteIn(state, received.at) : state
  if (place === undefined || (known !== undefined && !isRefused(known))) return decide()
  const { command_id, ...wanted } = message.body as { readonly command_id: string }
  const { type } = message
  const commands = refusedBefore(known, received.at)
  const print = () => fingerprint({ type, ...wanted })
  const seen = commands.find((one) => one.id === command_id && one.type === type)
  if (seen?.refused !== undefined) {
    return seen.fingerprint === print()
      ? refuse(
        seen.refused.code as RefusalCode,
        seen.refused.detail,
        seen.refused.about,
        seen.refused.pointer
      )
      : refuse("command_reused", "this command_id was used with another body", place)
  }
  if (commands.length >= COMMANDS_MAX) {
    return refuse("too_many_commands", `${place} took ${COMMANDS_MAX} commands`, place)
  }
  return Result.mapError(decide(), (refused) => {
    const { about, code, detail, pointer } = refused
    const now: Refused = {
      _tag: "Refused",
      id: place,
      merchant: received.merchant,
      commands: [...commands, {
        id: command_id,
        type,
        fingerprint: print(),
        at: received.at,
        refused: {
          code,
          detail,
          ...(about !== undefined && { about }),
          ...(pointer !== undefined && { pointer })
        }
      }],
      until: received.at + REFUSED_MILLIS
    }
    return { ...refused, put: [[place, now]] }
  })
}
