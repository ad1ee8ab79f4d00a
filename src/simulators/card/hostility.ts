import { hash } from "node:crypto"

/** What a hostile gateway does to one request. */
type Mood =
  | { readonly _tag: "Plain"; readonly delayMillis: number; readonly answers: number }
  /** It is done, and nobody is told. */
  | { readonly _tag: "Silent" }
  /** It is done, and the answer is an error that says nothing. */
  | { readonly _tag: "Broken" }
  /** Refused before anything was processed. */
  | { readonly _tag: "Refused" }
  /** Nobody is told, and it is done much later: when the caller may have been told that it never came. */
  | { readonly _tag: "Late"; readonly afterMillis: number }

/** Thousandths of the first requests of an operation. Repeats are answered plainly. */
const SILENT = 25
const BROKEN = 25
const REFUSED = 30
const LATE = 12
const DELAYED = 200
const DELAY_MILLIS_MAX = 700
/** Between an inquiry's first look and far beyond the finality window of a test. */
const LATE_MILLIS_MAX = 14_000
/** Of operations, how many are followed by webhooks, true or not. */
const NEWS = 150

const draw = (seed: number, key: string, what: string, max: number): number =>
  parseInt(hash("sha256", `${seed}/${key}/${what}`, "hex").slice(0, 12), 16) % max

/** Follows from seed and key alone, so that a run can be repeated. */
export const moodOf = (seed: number, key: string, isFirst: boolean): Mood => {
  const plain = { _tag: "Plain", delayMillis: 0, answers: 1 } as const
  if (!isFirst) return plain
  let left = draw(seed, key, "mood", 1_000)
  const falls = (share: number) => (left -= share) < 0
  if (falls(SILENT)) return { _tag: "Silent" }
  if (falls(BROKEN)) return { _tag: "Broken" }
  if (falls(REFUSED)) return { _tag: "Refused" }
  if (falls(LATE)) return { _tag: "Late", afterMillis: draw(seed, key, "late", LATE_MILLIS_MAX) }
  const delayMillis = falls(DELAYED) ? draw(seed, key, "delay", DELAY_MILLIS_MAX) : 0
  return { ...plain, delayMillis, answers: 1 + draw(seed, key, "answers", 20) % 2 }
}

/** What it says afterwards, several times and in any order: it need not be true. */
export const rumoursOf = (
  seed: number,
  key: string
): ReadonlyArray<"approved" | "declined" | "requires_action"> => {
  if (draw(seed, key, "news", 1_000) >= NEWS) return []
  const all = ["approved", "declined", "requires_action"] as const
  return [0, 1, 2].map((nth) => all[draw(seed, key, `rumour ${nth}`, all.length)]!)
}

/** Thousandths of the questions that it answers with silence, and with an error. */
const DEAF = 20
const CONFUSED = 20

/** What it does to the nth question: a question has no key that it could follow from. */
export const answerTo = (seed: number, nth: number): "plain" | "silent" | "broken" => {
  const drawn = draw(seed, String(nth), "question", 1_000)
  return drawn < DEAF ? "silent" : drawn < DEAF + CONFUSED ? "broken" : "plain"
}

/** News of a dispute comes up to three times, late, and behind what came after it. */
const DISPUTE_NEWS_MILLIS = [0, 700, 4_500]

export const newsOf = (seed: number, id: string, status: string): ReadonlyArray<number> =>
  DISPUTE_NEWS_MILLIS.slice(draw(seed, id, `news of ${status}`, DISPUTE_NEWS_MILLIS.length))
