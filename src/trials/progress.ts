interface Screen {
  readonly write: (text: string) => unknown
  /** A bar is drawn on terminals only; elsewhere each line is written once. */
  readonly isTTY?: boolean
}

const WIDTH = 100
const BAR_CHARACTERS = 32
/** Without a terminal: a line for each quarter. */
const QUARTERS = 4
const CLEAR_LINE = "\r\u001b[2K"

/** Says what is going on while it takes its time. */
export class Progress {
  private readonly screen: Screen
  private drawn = false
  private quarter = 0

  constructor(screen: Screen) {
    this.screen = screen
  }

  phase(text: string): void {
    this.end()
    this.quarter = 0
    this.screen.write(`${text.length > WIDTH ? `${text.slice(0, WIDTH - 1)}…` : text}\n`)
  }

  show(done: number, total: number, note: string): void {
    const share = total === 0 ? 1 : Math.min(1, done / total)
    const counted = `${done}/${total} ${note}`
    if (this.screen.isTTY !== true) {
      const quarter = Math.floor(share * QUARTERS)
      if (quarter > this.quarter) this.screen.write(`  ${counted}\n`)
      this.quarter = Math.max(this.quarter, quarter)
      return
    }
    const full = Math.round(share * BAR_CHARACTERS)
    const bar = "█".repeat(full) + "░".repeat(BAR_CHARACTERS - full)
    this.screen.write(`${CLEAR_LINE}  ${bar} ${counted}`)
    this.drawn = true
  }

  /** Leaves a clean line behind. */
  end(): void {
    if (this.drawn) this.screen.write(CLEAR_LINE)
    this.drawn = false
  }
}
