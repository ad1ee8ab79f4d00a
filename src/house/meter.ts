import { sourceOf } from "../../streams/mailboxes.ts"
import { meter } from "../proof/meter/meter.ts"
import type { MeterPlaces } from "../proof/meter/sample.ts"
import type { Stack } from "../stack/stack.ts"
import type { LogSink } from "../telemetry/logs.ts"
import { startOffice } from "./office.ts"
import { familyByStream, streamByFamily } from "./worker.ts"

export const meterPlaces: MeterPlaces = {
  streamOf: (family) => streamByFamily.get(family),
  familyOf: (stream) => familyByStream.get(stream) ?? stream.toLowerCase(),
  sourceOf
}

/** Stands for the office of the exactly-once meter. */
export const startMeter = (stack: Stack, holder: string, log: LogSink) =>
  startOffice({ stack, holder, log }, {
    name: "meter",
    role: "worker",
    connectionsMax: 1,
    work: (link) => meter(link, meterPlaces)
  })
