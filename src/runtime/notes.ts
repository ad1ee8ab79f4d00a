import type { Letter } from "./letter.ts"

type Place = readonly [seq: number, part: number]

/** As stored in a turn row; see `migrations/0051_turn_notes.ts`. */
interface Stored {
  /** Letters whose states could not be loaded, with the tag of the error. */
  readonly failed: ReadonlyArray<readonly [...Place, tag: string]>
  /** Letters whose data PostgreSQL refused. */
  readonly defects: ReadonlyArray<Place>
  /** Wakes that were given fewer letters than usual. */
  readonly woken: ReadonlyArray<readonly [...Place, max: number]>
}

/** What a replay of this turn has to be told: null for nearly every turn. */
export const notesOf = (from: {
  readonly failures: ReadonlyMap<Letter, { readonly tag: string }>
  readonly defects: ReadonlyMap<Letter, string>
  readonly wokenMax: ReadonlyMap<Letter, number>
}): string | null => {
  const { defects, failures, wokenMax } = from
  if (failures.size === 0 && defects.size === 0 && wokenMax.size === 0) return null
  const stored: Stored = {
    failed: [...failures].map(([{ part, seq }, { tag }]) => [seq, part, tag]),
    defects: [...defects.keys()].map(({ part, seq }) => [seq, part]),
    woken: [...wokenMax].map(([{ part, seq }, max]) => [seq, part, max])
  }
  return JSON.stringify(stored)
}

const nameOf = ({ part, seq }: Pick<Letter, "part" | "seq">) => `${seq}.${part}`

/** The other way round: what a turn row tells, for the same letters read again. */
export const notesFor = (stored: unknown, letters: ReadonlyArray<Letter>) => {
  const { defects, failed, woken } = (stored ?? { failed: [], defects: [], woken: [] }) as Stored
  const byName = new Map(letters.map((letter) => [nameOf(letter), letter]))
  const found = <A>(rows: ReadonlyArray<readonly [seq: number, part: number, value: A]>) =>
    new Map(rows.flatMap(([seq, part, value]) => {
      const letter = byName.get(nameOf({ seq, part }))
      return letter === undefined ? [] : [[letter, value] as const]
    }))
  const tags = new Map(failed.map(([seq, part, tag]) => [nameOf({ seq, part }), tag]))
  return {
    defects: found(defects.map(([seq, part]) => [seq, part, "PostgreSQL refused its data"])),
    wokenMax: found(woken),
    failed: (letter: Letter): string | undefined => tags.get(nameOf(letter))
  }
}
