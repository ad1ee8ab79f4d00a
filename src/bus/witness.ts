import { Effect, Schedule } from "effect"
import type { JetStreamRefused } from "./api.ts"
import type { BusClient, BusUnavailable } from "./connection.ts"
import { nextOn } from "./tail.ts"

/** So many messages after anything unusual are looked at closely. */
const DOUBTED_MESSAGES = 1_000
/** What is passed over between two messages of a partition without a question, in doubt and otherwise. */
const PASSED_OVER_IN_DOUBT = 16
const PASSED_OVER = 256
/** A question that meets an election is lost; the next one is answered. */
const ANSWER_MILLIS = 500
const ASKED_AGAIN = 10
const AGAIN_MILLIS = 50
const ASKED_AT_ONCE = 16

export interface WitnessOptions {
  readonly stream: string
  readonly filter: string
  /** What is read starts here. */
  readonly startSeq: number
}

/**
 * Asks the stream's leader whether a consumer left messages out. A consumer reads the copy of the server
 * it was placed on, counts what it gives away and not what it passes over, and two consumers of one
 * name may live for a while: a gap in the mailbox is none in the consumer's own count. What stands
 * between two messages of a partition belongs to other partitions; where that is much, or a reader has
 * just begun or was disturbed, the leader is asked. It may lack what the consumer gave: its copy is not
 * better than another, and what either of them has is to be handled.
 */
export class Witness {
  private readonly nc: BusClient
  private readonly options: WitnessOptions
  private last: number
  private doubted = DOUBTED_MESSAGES

  constructor(nc: BusClient, options: WitnessOptions) {
    this.nc = nc
    this.options = options
    this.last = options.startSeq - 1
  }

  /** A server or a leader went away: what comes next may come from another copy. */
  readonly doubt = (): void => {
    this.doubted = DOUBTED_MESSAGES
  }

  /** Answers with what is wrong, or with nothing. Messages in their order, each of them once. */
  readonly examine = (
    seqs: ReadonlyArray<number>
  ): Effect.Effect<string | undefined, BusUnavailable | JetStreamRefused> =>
    Effect.suspend(() => {
      const questions = this.questions(seqs)
      return questions.length === 0 ? Effect.succeed(undefined) : Effect.map(
        Effect.forEach(questions, this.ask, { concurrency: ASKED_AT_ONCE }),
        (answers) => answers.find((answer) => answer !== undefined)
      )
    })

  private questions(seqs: ReadonlyArray<number>): ReadonlyArray<readonly [number, number]> {
    const found: Array<readonly [after: number, seq: number]> = []
    seqs.forEach((seq, index) => {
      const passedOver = seq - this.last - 1
      const most = this.doubted === 0 ? PASSED_OVER : index === 0 ? -1 : PASSED_OVER_IN_DOUBT
      if (passedOver > most) found.push([this.last, seq])
      this.last = seq
      if (this.doubted > 0) this.doubted--
    })
    return found
  }

  private readonly ask = ([after, seq]: readonly [number, number]) =>
    nextOn(this.nc, this.options.stream, this.options.filter, after + 1, ANSWER_MILLIS).pipe(
      Effect.retry({
        while: ({ _tag }) => _tag === "BusUnavailable",
        times: ASKED_AGAIN,
        schedule: Schedule.spaced(AGAIN_MILLIS)
      }),
      Effect.map((next) =>
        next === undefined || next.seq >= seq
          ? undefined
          : `the stream has ${next.seq} after ${after}, the consumer gave ${seq}`
      )
    )
}
