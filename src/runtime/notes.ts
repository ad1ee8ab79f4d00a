/** As stored in a turn row; see `migrations/0051_turn_notes.ts`. */
interface Stored {
  /** Tags of errors, by the keys whose states could not be loaded. */
  readonly keys: Readonly<Record<string, string>>
  /** Names of letters whose data PostgreSQL refused. */
  readonly refused: ReadonlyArray<string>
}

/** What a replay of this turn has to be told: null for nearly every turn. */
export const notesOf = (from: {
  readonly failures: ReadonlyMap<string, { readonly tag: string }>
  readonly defects: ReadonlyMap<string, string>
}): string | null => {
  const { defects, failures } = from
  if (failures.size === 0 && defects.size === 0) return null
  const stored: Stored = {
    keys: Object.fromEntries([...failures].map(([id, { tag }]) => [id, tag])),
    refused: [...defects.keys()]
  }
  return JSON.stringify(stored)
}

/** The other way round: what a turn row tells. Those of earlier versions told less of what failed. */
export const notesFor = (stored: unknown) => {
  const { keys = {}, refused = [] } = (stored ?? {}) as Partial<Stored>
  return {
    failures: new Map(Object.entries(keys).map(([id, tag]) => [id, { tag, cause: tag }])),
    defects: new Map(refused.map((name) => [name, "PostgreSQL refused its data"]))
  }
}
