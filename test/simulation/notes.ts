import { streamsFor } from "./topology.ts"
import { Effect } from "effect"
import { stateKey, type TurnWrites } from "../../src/runtime/actor.ts"
import { partitionOf } from "../../src/domain/partition.ts"
import type { AnyActor } from "../../src/runtime/registry.ts"
import { type Note, notebook, type Page } from "../support/notebook.ts"
import { textOf } from "./model/message.ts"
import { asStatements } from "./model/store.ts"
import { type House, type Keeper, streamOf, type World } from "./world.ts"

const FAMILY = "notes"
const PARTITIONS = 2
/** Somebody else's mailbox: what the notebook emits is found there. */
const READERLESS = "payments"

/** The notebook with its pages in the model. What its tables would refuse, the model refuses. */
const pages = ({ ask, fails, now, store }: Keeper): AnyActor => {
  const { actor } = notebook({ family: FAMILY })
  return {
    ...actor,
    load: (keys) =>
      Effect.suspend(() =>
        fails() ? Effect.fail({ _tag: "NotNow" }) : ask("load", () => store.load(FAMILY, keys))
      ),
    save: (
      writes: TurnWrites<unknown, { readonly _tag: string; readonly amount?: number }>
    ) => {
      const wrong = writes.rows.find(({ row }) => row._tag === "Line" && !(row.amount! > 0))
      return asStatements({
        family: FAMILY,
        writes,
        refused: wrong && "a line's amount is positive"
      })
    },
    overdue: (partition, before) =>
      Effect.sync(() =>
        [...store.states.get(FAMILY) ?? []].flatMap(([id, { state }]) => {
          const [merchant, key] = id.split("/") as [string, string]
          const { awaits } = state as Page
          const late = awaits !== undefined && awaits.due < Math.min(before, now()) &&
            partitionOf(merchant, PARTITIONS) === partition
          return late
            ? [{
              id: awaits.timer,
              merchant,
              atMillis: awaits.due,
              type: "rang",
              body: { key, timer: awaits.timer, due: awaits.due }
            }]
            : []
        })
      )
  }
}

const MERCHANTS = ["m0", "m1", "m2", "m3", "m4", "m5"]
const KEYS = ["a", "b", "c"]
/** Only defects are told to this one: it is quarantined, and no other note waits for it. */
const DEFECTIVE = "d"

/** One command for the notebook: most just write, some do whatever else an actor may do. */
const command: House["command"] = (chance, nth) => {
  const merchant = chance.oneOf(MERCHANTS)
  if (chance.happens(0.04)) {
    const body: Note = { key: DEFECTIVE, text: `t${nth}`, defect: true }
    return { family: FAMILY, type: "note", merchant, body }
  }
  const key = chance.oneOf(KEYS)
  const body: Note = {
    key,
    text: `t${nth}`,
    ...(chance.happens(0.5) && { emit: 1 + chance.below(3) }),
    ...(chance.happens(0.3) && { event: true }),
    ...(chance.happens(0.3) && { amount: 1 + chance.below(9) }),
    ...(chance.happens(0.15) && { and: [chance.oneOf(KEYS.filter((one) => one !== key))] }),
    ...(chance.happens(0.1) && { ringIn: chance.below(1_500) }),
    ...(chance.happens(0.05) && { refuse: true })
  }
  return { family: FAMILY, type: "note", merchant, body }
}

const pagesOf = ({ store }: World) => store.states.get(FAMILY) ?? new Map<string, never>()

/**
 * Straight from the mailbox: each page holds its notes, once and in the order of the stream. Where keys
 * were parked that order is promised for the first key of a note only: it waits with that one.
 */
const broken = (world: World): ReadonlyArray<string> => {
  const wanted = new Map<string, Array<string>>()
  const firsts = new Set<string>()
  const lines: Array<string> = []
  for (const { data, subject } of world.broker.stream(streamOf(FAMILY)).all("*.*.ingress.>")) {
    const merchant = subject.split(".")[4]!
    const note = JSON.parse(textOf(data)) as Note
    if (note.refuse === true || note.defect === true) continue
    if (note.amount !== undefined) lines.push(note.text)
    firsts.add(`${stateKey(merchant, note.key)} ${note.text}`)
    for (const key of [note.key, ...note.and ?? []]) {
      const id = stateKey(merchant, key)
      wanted.set(id, [...wanted.get(id) ?? [], note.text])
    }
  }
  const found = pagesOf(world)
  const compare = (what: string, left: ReadonlyArray<string>, right: ReadonlyArray<string>) =>
    String(left) === String(right) ? [] : [`${what}: ${left}, not ${right}`]
  const pages = [...wanted].flatMap(([id, texts]) => {
    const page = found.get(id)?.state as Page | undefined
    const written = (page?.texts ?? []).filter((text) => !text.startsWith("rang"))
    const isFirst = (text: string) => firsts.has(`${id} ${text}`)
    return world.parked
      ? [
        ...compare(`page ${id}`, written.toSorted(), texts.toSorted()),
        ...compare(`first on ${id}`, written.filter(isFirst), texts.filter(isFirst))
      ]
      : compare(`page ${id}`, written, texts)
  })
  const stored = (world.store.rows.get(FAMILY) ?? [])
    .flatMap(({ row }) => (row as { text?: string }).text ?? [])
  return [...pages, ...compare("lines", stored.toSorted(), lines.toSorted())]
}

/** A small actor that does whatever an actor may do: the machine's breadth. */
export const notes: House = {
  keyed: [notebook({ family: FAMILY }).actor],
  outbound: [],
  partitions: PARTITIONS,
  streams: streamsFor({ keyed: [notebook({ family: FAMILY }).actor] }, [READERLESS]),
  routesOf: () => [],
  actors: (keeper) => [pages(keeper)],
  commandsMax: 24,
  settlesMillis: 90_000,
  command,
  isQuiet: (world) =>
    world.broker.stream("TIMERS").lastOn("timers.at.>") === 0 &&
    [...pagesOf(world).values()].every(({ state }) => (state as Page).awaits === undefined),
  broken
}

/** Turns of so many events that they are appended as atomic batches. */
export const busyNotes: House = {
  ...notes,
  commandsMax: 100,
  command: (chance, nth) => ({
    family: FAMILY,
    type: "note",
    merchant: chance.oneOf(MERCHANTS),
    body: { key: chance.oneOf(KEYS), text: `t${nth}`, event: true }
  })
}
