import type { Way } from "./stories.ts"
import type { Command, Told } from "./ways.ts"

export interface SentCommand extends Command {
  readonly way: Way
  readonly told: Told["_tag"]
  /** Why it was refused. */
  readonly code: string | undefined
}

export interface Waited {
  readonly way: Way
  readonly token: string
  readonly millis: number
}

/** What the callers know for certain: every command that was acknowledged, and how long it took. */
export class CommandLog {
  readonly commands: Array<SentCommand> = []
  readonly waits: Array<Waited> = []
  /** The same command sent a second time on purpose. */
  repeats = 0
  /** Repeats that were answered with another payment than the first time. */
  readonly differing: Array<string> = []

  add(way: Way, command: Command, told: Told): void {
    this.commands.push({
      ...command,
      way,
      told: told._tag,
      code: told._tag === "Refused" ? told.code : undefined
    })
  }

  addRepeat(command: Command, told: Told): void {
    this.repeats++
    if (
      told._tag === "Refused" || (told._tag === "Payment" && told.payment.id !== command.paymentId)
    ) {
      this.differing.push(command.id)
    }
  }
}
