import { Header, type Letter, letterOf } from "../../src/runtime/letter.ts"
import { sourceOf } from "../../streams/mailboxes.ts"
import type { EventBody, EventType } from "../../streams/events.ts"

const MERCHANT = "acme"

/** An event of payments as it stands in the mailbox of a family that hears of it. */
export const routedLetter = <Type extends EventType>(
  family: string,
  seq: number,
  type: Type,
  data: EventBody<Type>
): Letter =>
  letterOf({
    subject: `${family}.0.${sourceOf("payments", 0)}`,
    seq,
    atMillis: seq,
    headers: () => ({ [Header.merchant]: MERCHANT, [Header.type]: "event" }),
    data: new TextEncoder().encode(JSON.stringify({
      event_id: `evt_${seq}`,
      type,
      merchant: MERCHANT,
      at: seq,
      about: "pay_1",
      data
    }))
  })
