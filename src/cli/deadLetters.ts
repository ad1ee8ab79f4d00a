import { parseArgs } from "node:util"
import type { DeadLetterView } from "../store/deadLetterList.ts"
import type { CliCommand } from "../house/command.ts"
import {
  type Action,
  EXIT_FAILED,
  EXIT_PERSON_NEEDED,
  type Operator,
  operator,
  outcomeOf,
  settled,
  where
} from "../house/operator.ts"
import { UsageError } from "../house/usage.ts"

const LISTED_DEFAULT = 50
const PAGE_MAX = 200
const RATE_DEFAULT = 10

const usage = `Usage: deno task lastro dead-letters list    [filter] [--limit N] [--json]
       deno task lastro dead-letters show    <id> [--json]
       deno task lastro dead-letters replay  <id>… | filter  --why TEXT [--rate N] [--limit N] [--json]
       deno task lastro dead-letters discard <id>… | filter  --why TEXT [--rate N] [--limit N] [--json]

  filter    --family F  --reason malformed|defect|failed  --merchant M  --key K
            --since TIME  --until TIME   (RFC 3339)   --status open|replayed|discarded|all (list only)
            --all         every open one, where no other filter is given
  --rate    so many a second at most (default ${RATE_DEFAULT})
  --why     kept with who did it and when

A letter is replayed once, however often it is asked: it is decided anew behind what came for its key
since, or, where its key stands still because of it, at the head of that key's queue. A letter that is
discarded is dropped, and a key it held goes on. \`show\` prints the content, and is written down, too.

${where}
Exits with 0; list with 2 where open ones are listed; replay and discard with 1 where one was not
done, and with 2 where one became a dead letter or stopped its key again.`

const options = {
  family: { type: "string" },
  reason: { type: "string" },
  merchant: { type: "string" },
  key: { type: "string" },
  since: { type: "string" },
  until: { type: "string" },
  status: { type: "string" },
  limit: { type: "string" },
  rate: { type: "string" },
  why: { type: "string" },
  all: { type: "boolean" },
  json: { type: "boolean" }
} as const

type Values = ReturnType<typeof parsed>["values"]

const parsed = (args: ReadonlyArray<string>) =>
  parseArgs({ args: [...args], allowPositionals: true, options })

const FILTERS = ["family", "reason", "merchant", "key", "since", "until", "status"] as const

export const deadLetters: CliCommand = {
  summary: "List, show, replay and discard what was set aside",
  usage,
  run: async (args, environment) => {
    const { positionals: [verb, ...ids], values } = parsed(args)
    const asked = operator(environment)
    switch (verb) {
      case "list":
        return await list(asked, values)
      case "show":
        return await show(asked, ids, values)
      case "replay":
      case "discard":
        return await settle(asked, verb, ids, values)
      default:
        throw new UsageError("say list, show, replay or discard: lastro dead-letters --help.")
    }
  }
}

const numberOf = (text: string | undefined, otherwise: number, name: string): number => {
  const value = text === undefined ? otherwise : Number(text)
  if (Number.isFinite(value) && value > 0) return value
  throw new UsageError(`--${name} takes a number above 0.`)
}

/** Page after page, up to so many. */
const find = async (
  asked: Operator,
  values: Values,
  limit: number
): Promise<ReadonlyArray<DeadLetterView>> => {
  const query = new URLSearchParams()
  for (const name of FILTERS) if (values[name] !== undefined) query.set(name, values[name])
  const found: Array<DeadLetterView> = []
  for (;;) {
    query.set("limit", String(Math.min(PAGE_MAX, limit - found.length)))
    const page = await asked.get<{
      data: ReadonlyArray<DeadLetterView>
      next_cursor: string | null
    }>(`/v1/dead-letters?${query}`)
    found.push(...page.data)
    if (page.next_cursor === null || found.length >= limit) return found
    query.set("cursor", page.next_cursor)
  }
}

const list = async (asked: Operator, values: Values): Promise<number> => {
  const found = await find(asked, values, numberOf(values.limit, LISTED_DEFAULT, "limit"))
  if (values.json === true) console.log(JSON.stringify(found))
  else if (found.length === 0) console.log("no dead letters")
  else {
    for (const one of found) {
      console.log(
        `${one.id}  ${one.created_at}  ${one.reason.padEnd(9)} ${one.family} ${one.type}  ` +
          `${one.merchant}${one.key === null ? "" : `/${one.key}`}` +
          `${one.holds_its_key ? "  (holds its key)" : ""}` +
          `${one.status === "open" ? "" : `  ${one.status}: ${one.outcome}`}\n  ${one.cause}`
      )
    }
  }
  return found.some(({ status }) => status === "open") ? EXIT_PERSON_NEEDED : 0
}

const show = async (
  asked: Operator,
  ids: ReadonlyArray<string>,
  values: Values
): Promise<number> => {
  if (ids.length !== 1) throw new UsageError("show takes one id.")
  const letter = await asked.get(`/v1/dead-letters/${encodeURIComponent(ids[0]!)}`)
  console.log(JSON.stringify(letter, null, values.json === true ? undefined : 2))
  return 0
}

const settle = async (
  asked: Operator,
  verb: "replay" | "discard",
  ids: ReadonlyArray<string>,
  values: Values
): Promise<number> => {
  const { all, json, why } = values
  if (why === undefined) throw new UsageError(`say why: --why TEXT.`)
  const filtered = all === true || FILTERS.some((name) => values[name] !== undefined)
  if (filtered === ids.length > 0) throw new UsageError(`name letters to ${verb}, or a filter.`)
  if (values.status !== undefined) throw new UsageError(`only open letters can be ${verb}ed.`)
  const pauseMillis = 1_000 / numberOf(values.rate, RATE_DEFAULT, "rate")
  const limit = numberOf(values.limit, Number.MAX_SAFE_INTEGER, "limit")
  // The oldest first: so letters of one key keep their order. They come newest first, so all are asked for.
  const wanted = filtered
    ? (await find(asked, values, Number.MAX_SAFE_INTEGER)).map(({ id }) => id).reverse()
      .slice(0, limit)
    : ids
  let failed = 0
  let again = 0
  for (const [index, id] of wanted.entries()) {
    const begun = Date.now()
    const outcome = await settleOne(asked, verb, id, why)
    if (json === true) console.log(JSON.stringify({ id, ...outcome }))
    else console.log(`${index + 1}/${wanted.length} ${id}: ${outcome.outcome}`)
    if (!outcome.done) failed++
    else if (/again|failed|malformed|defect|quarantined/.test(outcome.outcome)) again++
    const rest = pauseMillis - (Date.now() - begun)
    if (index + 1 < wanted.length && rest > 0) await new Promise((go) => setTimeout(go, rest))
  }
  if (wanted.length === 0 && json !== true) console.log("no dead letters")
  return failed > 0 ? EXIT_FAILED : again > 0 ? EXIT_PERSON_NEEDED : 0
}

/** What is refused (settled meanwhile, not found) is told and does not stop the others. */
const settleOne = async (asked: Operator, verb: string, id: string, why: string) => {
  try {
    const path = `/v1/dead-letters/${encodeURIComponent(id)}/${verb}`
    const done = await settled(asked, await asked.post<Action>(path, { why }))
    return { action: done.id, outcome: outcomeOf(done), done: done.outcome !== null }
  } catch (error) {
    return { outcome: (error as Error).message, done: false }
  }
}
