import type { Plan } from "../../bus/topology.ts"
import { StackError } from "../../stack/stack.ts"

/** Whose messages a stream takes, by its subjects; `lastro.<family>…` was an older way to name them. */
const familiesOf = (subjects: unknown): ReadonlySet<string> =>
  new Set(
    (Array.isArray(subjects) ? subjects : []).map((subject: string) =>
      subject.replace(/^lastro\./, "").split(".", 1)[0]!
    )
  )

const named = (families: Iterable<string>): string => [...families].join(", ")

/**
 * The plan, where the mailboxes that are there take the messages of the families that they are declared for.
 * A family that has a stream of its own, or stands in another mailbox, has messages, cursors and keys set
 * aside there: whoever changed the subjects would leave them behind.
 */
export const grouped = (plan: Plan): Plan => {
  for (const step of plan.steps) {
    if (step.action === "create") continue
    const subjects = step.differences.find(({ setting }) => setting === "subjects")
    if (subjects === undefined) continue
    const declared = familiesOf(subjects.declared)
    const found = familiesOf(subjects.found)
    const apart = [...declared, ...found].filter((one) => !declared.has(one) || !found.has(one))
    if (apart.length === 0) continue
    throw new StackError(
      `the mailboxes are those of another version: ${step.name} holds messages of ${
        named(found)
      }, ` +
        `and this version reads those of ${named(declared)} there, so that what the streams of ` +
        `${named(apart)} hold (${
          named(apart).toUpperCase()
        }) would be left behind: nothing was done. ` +
        "Go on with the version that made them, or begin anew elsewhere (docs/upgrades.md)."
    )
  }
  return plan
}
