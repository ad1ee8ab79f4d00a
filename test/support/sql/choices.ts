/** Beyond so many forms of one statement something is read wrongly. */
const FORMS_MAX = 64

/**
 * Goes through all ways of answering questions that come up only on the way: one form is read to its end,
 * then again with another answer to its last question, and so on. Within a form a question is answered
 * alike however often it is asked.
 */
export class Choices {
  private readonly path: Array<{ index: number; readonly of: number }> = []
  private answered = new Map<object, number>()
  private step = 0

  /** What `read` makes of every way. */
  static all<A>(read: (choices: Choices) => A): ReadonlyArray<A> {
    const choices = new Choices()
    const forms: Array<A> = []
    do {
      if (forms.length === FORMS_MAX) throw new Error(`more than ${FORMS_MAX} forms`)
      choices.answered = new Map()
      choices.step = 0
      forms.push(read(choices))
    } while (choices.turn())
    return forms
  }

  /** To the last question with an answer left, which becomes the last of all. */
  private turn(): boolean {
    while (this.path.length > 0) {
      const last = this.path.at(-1)!
      if (++last.index < last.of) return true
      this.path.pop()
    }
    return false
  }

  choose<A>(about: object, options: ReadonlyArray<A>): A {
    if (options.length < 2) return options[0]!
    const known = this.answered.get(about)
    if (known !== undefined) return options[known]!
    const taken = this.path[this.step] ?? { index: 0, of: options.length }
    this.path[this.step++] = taken
    this.answered.set(about, taken.index)
    return options[taken.index]!
  }
}
