import { canonicalJson } from "../../src/domain/canonicalJson.ts"
import { type Draft, keptBy } from "../../src/runtime/draft.ts"
import { openBundle } from "../../src/runtime/letter.ts"
import { DEAD_LETTERS_STREAM } from "../../src/runtime/outbox.ts"
import { sourceOf } from "../../streams/mailboxes.ts"
import { headerOf, textOf } from "./model/message.ts"
import type { Stored } from "./model/stream.ts"
import { onceDecided } from "./once.ts"
import { mailboxesIn, type SimulatedMailbox, type World } from "./world.ts"

/** A sentence for each promise that does not hold, once everything has settled. */
export const brokenPromises = (world: World): ReadonlyArray<string> => [
  ...world.house.broken(world),
  ...turnsOf(world),
  ...world.store.late.map((one) => `a commit under a past epoch: ${one}`),
  ...mailboxesIn(world.house).flatMap((mailbox) =>
    Array.from(
      { length: world.house.partitions },
      (_, partition) =>
        againstOnce(world, mailbox, partition, onceDecided(world, mailbox, partition))
    ).flat()
  )
]

/** G3, G4: turns follow each other without an overlap, under epochs that only rise. */
const turnsOf = ({ store }: World): ReadonlyArray<string> =>
  [...store.turns].flatMap(([place, turns]) =>
    turns.flatMap((turn, index) => {
      const former = turns[index - 1]
      if (former === undefined) return []
      return [
        ...turn.firstSeq > former.lastSeq
          ? []
          : [`${place}: a turn from ${turn.firstSeq} after one to ${former.lastSeq}`],
        ...turn.epochRevision >= former.epochRevision ? [] : [`${place}: the epoch went back`]
      ]
    })
  )

/** G2, G3, G5: states, events, dead letters and emissions as if the mailbox had been decided in one go. */
const againstOnce = (
  { broker, parked, store }: World,
  { families, mailbox }: SimulatedMailbox,
  partition: number,
  once: Draft
): ReadonlyArray<string> => {
  const place = `${mailbox}.${partition}`
  const broken: Array<string> = []
  const same = (what: string, found: unknown, wanted: unknown) => {
    const texts = [JSON.stringify(found), JSON.stringify(wanted)]
    if (texts[0] !== texts[1]) broken.push(`${what} of ${place}: ${texts[0]}, not ${texts[1]}`)
  }
  const cursor = store.cursors.get(place)
  if (!parked && cursor !== undefined) same("digest", cursor.digest, once.digest)
  for (const family of families) {
    const known = store.states.get(family)
    const { states } = keptBy(once, family)
    same(`keys of ${family}`, [...states.keys()].filter((id) => known?.has(id) !== true), [])
    if (parked) continue
    for (const [id, { json }] of states) same(`state ${id}`, known?.get(id)?.json, json)
  }
  for (const { id } of once.events) {
    same(`times of event ${id}`, store.events.filter((event) => event.id === id).length, 1)
  }
  for (const { id } of once.deadLetters) same(`dead letter ${id}`, store.deadLetters.has(id), true)
  const wanted = Map.groupBy(once.outbox, ({ target }) => target)
  for (const [name, stream] of broker.streams) {
    if (name === DEAD_LETTERS_STREAM) continue
    const told = (text: string) => parked ? text.replace(CLOCK, "") : text
    const emitted = stream.all().filter(isFrom(mailbox, partition)).flatMap(messagesIn).map(told)
    const messages = (wanted.get(name) ?? [])
      .map(({ body, subject }) => told(`${subject} ${body}`))
    // What was parked is decided later; else order is promised within each subject.
    const order = parked ? byText : bySubject
    same(`emissions to ${name}`, emitted.toSorted(order), messages.toSorted(order))
  }
  return broken
}

const CLOCK = /"at":\d+,/

const byText = (left: string, right: string): number => left < right ? -1 : 1

const bySubject = (left: string, right: string): number =>
  left.slice(0, left.indexOf(" ")).localeCompare(right.slice(0, right.indexOf(" ")))

const isFrom = (mailbox: string, partition: number) => ({ headers, subject }: Stored): boolean =>
  headerOf(headers, "Lastro-Emission")?.startsWith(`${mailbox}/${partition}/`) === true ||
  subject.endsWith(`.${sourceOf(mailbox, partition)}`)

const messagesIn = ({ data, headers, subject }: Stored): ReadonlyArray<string> =>
  headerOf(headers, "Lastro-Bundle") === undefined
    ? [`${subject} ${textOf(data)}`]
    : openBundle(data)!.map(([, , , body]) => `${subject} ${canonicalJson(body)}`)

/** Digests and states of two worlds over the same mailboxes. */
export const differences = (world: World, other: World): ReadonlyArray<string> => {
  const told = ({ store }: World) => [
    [...store.cursors].map(([place, { digest, seq }]) => `${place} ${seq} ${digest}`).sort(),
    [...store.states].flatMap(([family, states]) =>
      [...states].map(([id, { json }]) => `${family} ${id} ${json}`)
    ).sort()
  ]
  const [mine, theirs] = [JSON.stringify(told(world)), JSON.stringify(told(other))]
  return mine === theirs ? [] : [`undisturbed it comes to ${theirs}, not ${mine}`]
}
