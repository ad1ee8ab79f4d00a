import { expect, test } from "vitest"
import { INTERLEAVINGS } from "../support/runs.ts"
import { notes } from "./notes.ts"
import { sweep } from "./sweep.ts"

const count = Math.ceil(INTERLEAVINGS * 0.49)

test(
  "G2, G3, G4, G5: whatever dies, stops, is late or lost, every note is written once and in order",
  async () => {
    const { different, runs } = await sweep(notes, { from: 1, count }, "notes1.test.ts")
    expect(different).toBeGreaterThan(runs * 0.99)
  },
  900_000
)
