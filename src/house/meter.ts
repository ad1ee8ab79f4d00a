import { places } from "../../streams/places.ts"
import { meter } from "../proof/meter/meter.ts"
import type { Stack } from "../stack/stack.ts"
import type { LogSink } from "../telemetry/logs.ts"
import { startOffice } from "./office.ts"

/** Stands for the office of the exactly-once meter. */
export const startMeter = (stack: Stack, holder: string, log: LogSink) =>
  startOffice({ stack, holder, log }, {
    name: "meter",
    role: "worker",
    connectionsMax: 1,
    work: (link) => meter(link, places)
  })
