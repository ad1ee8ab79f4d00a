import { Schema } from "effect"
import { Time } from "../../../streams/resources/parts.ts"
import { DeadLetterView } from "../../store/deadLetterList.ts"
import { OperatorActionView } from "../../store/operatorActions.ts"

/** With what it holds, which may be personal data. `body` is there where it is text. */
export const DeadLetterContent = Schema.Struct({
  ...DeadLetterView.fields,
  subject: Schema.String,
  seq: Schema.Int,
  sent_at: Time,
  headers: Schema.Unknown,
  body: Schema.optional(Schema.String),
  body_base64: Schema.optionalKey(Schema.String),
  actions: Schema.Array(OperatorActionView)
}).annotate({ identifier: "DeadLetterContent" })
