import { generationOf, type MessageChanges, wireNamesOf } from "../../src/runtime/evolution.ts"
import type { Family } from "../mailboxes.ts"

/**
 * How messages changed from release to release, so that workers of two releases run side by side and
 * old mailboxes can be read for ever. Whoever changes a schema after a release
 *
 * 1. gives the family the next generation, and adds `changed(generation, oldSchema, upcast)` to the type
 *    (`introduced(generation)` for a new type);
 * 2. keeps the old schema beside it, here;
 * 3. rolls out workers before edges, and edges before producers.
 *
 * A family without changes since the first release is not named: none has any, and: what is written bears
 * no generation.
 */
const changes: { readonly [One in Family]?: MessageChanges } = {}

export const changesOf = (family: string): MessageChanges => changes[family as Family] ?? {}

/** Under which names present messages are written. */
export const wireNames = wireNamesOf(Object.entries(changes))

/** The generation in which commands of this type are written now. */
export const generationOfType = (family: string, type: string): number =>
  generationOf({ [type]: changesOf(family)[type] ?? [] })
