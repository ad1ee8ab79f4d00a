import { Effect, Schema } from "effect"

/** What health is judged by. Each has a test in which it turns red. */
const SignalName = Schema.Literals([
  "logins",
  "servers",
  "disks",
  "nats",
  "writes",
  "leases",
  "lag",
  "postgresql"
])
type SignalName = typeof SignalName.Type

/** One thing as it is now, not as it was remembered. */
export const Signal = Schema.Struct({
  signal: SignalName,
  /** `poor` is worth knowing; `unknown` cannot be seen from here. Only `bad` makes a process unready. */
  state: Schema.Literals(["good", "poor", "bad", "unknown"]),
  /** A sentence for a person. */
  found: Schema.String
}).annotate({ identifier: "Signal" })
export type Signal = typeof Signal.Type

/** Who is asked for its health answers soon, also where a server hangs. */
export const SIGNAL_MILLIS = 1_000

/** What did not answer in time, or failed, is told as that. */
export const within = <R>(
  signal: SignalName,
  look: Effect.Effect<ReadonlyArray<Signal>, { readonly message: string }, R>,
  otherwise: Signal["state"],
  what: string
): Effect.Effect<ReadonlyArray<Signal>, never, R> =>
  look.pipe(
    Effect.timeoutOption(SIGNAL_MILLIS),
    Effect.map((seen): ReadonlyArray<Signal> =>
      seen._tag === "Some" ? seen.value : [{
        signal,
        state: otherwise,
        found: `${what} does not answer within ${SIGNAL_MILLIS / 1_000} s`
      }]
    ),
    Effect.catch((error) =>
      Effect.succeed<ReadonlyArray<Signal>>([{
        signal,
        state: otherwise,
        found: `${what} does not answer: ${error.message}`
      }])
    )
  )

/** Only what is bad keeps a process from being ready. */
export const badOf = (signals: ReadonlyArray<Signal>): ReadonlyArray<string> =>
  signals.filter(({ state }) => state === "bad").map(({ found }) => found)

/** Where nothing is worth a word of its own, one stands for all of its kind. */
export const orGood = (
  signal: SignalName,
  seen: ReadonlyArray<Signal>,
  found: string
): ReadonlyArray<Signal> => seen.length > 0 ? seen : [{ signal, state: "good", found }]
