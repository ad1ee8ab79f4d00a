import { Result, Schema } from "effect"
import { fingerprint } from "../../src/domain/fingerprint.ts"
import { derivedId } from "../../src/domain/identifiers.ts"
import type { MessageOf, Received, States } from "../../src/runtime/actor.ts"
import type { PaymentsMessages } from "../../streams/messages/payments.ts"
import { type Decided, refuse } from "./decision.ts"
import { quoteIn } from "./exchange/quote.ts"
import { remembered } from "./remembered.ts"
import { SeenCommand } from "./seenCommand.ts"
import { isQuote, isRefused, type State } from "./state.ts"
import type { RefusalCode } from "./refusalCode.ts"
import type { Terms } from "./terms.ts"

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

/** Refused commands remembered beside one payment. The oldest is forgotten for the next. */
export const REFUSALS_MAX = 100

/** What will be over soon is no answer for good: the same command may be sent again. */
const PASSING: ReadonlySet<string> = new Set<RefusalCode>(["operation_in_progress"])

export const mayPass = (code: string | undefined): boolean =>
  code !== undefined && PASSING.has(code)

type Message = MessageOf<typeof PaymentsMessages>

const PREFIX = "cmd"

/** Where a command is remembered that makes nothing of its own, beside what it is about. */
export const commandKeyOf = (type: string, merchant: string, commandId: string): string =>
  derivedId(PREFIX, merchant, type, commandId)

export const isCommandKey = (key: string): boolean => key.startsWith(`${PREFIX}_`)

/** Beside a payment, whether it is there or not: its own document is written with every command. */
export const refusedKeyOf = (payment: string): string => `${payment}.refused`

/** The key of what a command makes, or one beside what it is about: where its refusal is remembered. */
const placeOf = (message: Message, keys: ReadonlyArray<string>): string | undefined => {
  switch (message.type) {
    case "payout":
      return keys[1]
    case "payout_returned":
    case "reverse_conversion":
      return keys.at(-1)
    default:
      if (!("command_id" in message.body)) return undefined
      return "payment_id" in message.body ? refusedKeyOf(message.body.payment_id) : keys[0]
  }
}

/** Whether a state still says that something was refused here. */
export const isRemembered = (state: State | undefined, at: number): state is Refused =>
  state !== undefined && isRefused(state) && at < state.until

/** Without the refusals whose time is over. */
export const stillCounting = (
  commands: ReadonlyArray<SeenCommand>,
  at: number
): ReadonlyArray<SeenCommand> =>
  commands.filter((one) => one.refused === undefined || at < one.at + REFUSED_MILLIS)

/** What is remembered of commands about something that is not there. */
export const refusedBefore = (
  state: State | undefined,
  at: number
): ReadonlyArray<SeenCommand> => isRemembered(state, at) ? stillCounting(state.commands, at) : []

/**
 * A command that was refused is refused again with the same answer, whatever has changed since: the
 * merchant has money now, there are other terms, the thing exists. What took effect is remembered by what
 * is there, and what passes by nothing.
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
  // Those of a payment that was not there stood under its own key once.
  const commands = [states.get(received.keys[0]), ...place === received.keys[0] ? [] : [known]]
    .flatMap((one) => refusedBefore(one, received.at))
  const print = () => fingerprint({ type, ...wanted })
  const seen = commands.find((one) => one.id === command_id && one.type === type)
  if (seen?.refused !== undefined) {
    const { about, code, detail, pointer } = seen.refused
    return remembered(
      seen.fingerprint,
      print(),
      place,
      () => refuse(code as RefusalCode, detail, about, pointer)
    )
  }
  return Result.mapError(decide(), (refused) => {
    const { about, code, detail, pointer } = refused
    // A command of that name took effect, and is the one that is remembered.
    if (code === "command_reused" || mayPass(code)) return refused
    const now: Refused = {
      _tag: "Refused",
      id: place,
      merchant: received.merchant,
      commands: [...commands.slice(1 - REFUSALS_MAX), {
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
