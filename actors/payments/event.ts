import { eventIdOf } from "../../src/domain/identifiers.ts"
import type { Received } from "../../src/runtime/actor.ts"
import type { Event } from "../../streams/emissions.ts"
import type { EventBody, EventType } from "../../streams/events.ts"

/** An event of the catalogue, named after what it is about and what caused it. */
export const eventOf = <Type extends EventType>(
  about: string,
  type: Type,
  body: EventBody<Type>,
  { cause }: Pick<Received, "cause">
): Event => ({ id: eventIdOf(about, type, cause), type, about, body }) as Event
