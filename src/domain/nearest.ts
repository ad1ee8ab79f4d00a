/** So many letters may be wrong for every three that are right: beyond it a hint would mislead. */
const WRONG_SHARE = 3

/** What somebody probably meant: the candidate fewest letters away, where that is few for its length. */
export const nearestOf = (word: string, candidates: Iterable<string>): string | undefined => {
  let best: { readonly candidate: string; readonly distance: number } | undefined
  for (const candidate of candidates) {
    const distance = lettersBetween(word, candidate)
    if (best === undefined || distance < best.distance) best = { candidate, distance }
  }
  return best !== undefined && best.distance * WRONG_SHARE <= best.candidate.length
    ? best.candidate
    : undefined
}

/** Letters to add, leave out or change (Levenshtein). */
const lettersBetween = (from: string, to: string): number => {
  let row = Array.from({ length: to.length + 1 }, (_, column) => column)
  for (let line = 1; line <= from.length; line++) {
    const next = [line]
    for (let column = 1; column <= to.length; column++) {
      const changed = row[column - 1]! + (from[line - 1] === to[column - 1] ? 0 : 1)
      next.push(Math.min(changed, row[column]! + 1, next[column - 1]! + 1))
    }
    row = next
  }
  return row.at(-1)!
}
