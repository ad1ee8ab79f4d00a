import { expect, test } from "vitest"
import { stopEach } from "../../src/stack/stopEach.ts"

test("what does not stop keeps nothing else running, and is told", async () => {
  const stopped: Array<string> = []
  const stop = (name: string, fails = false) => async () => {
    await Promise.resolve()
    stopped.push(name)
    if (fails) throw new Error(`${name} hangs`)
  }
  const all = [stop("servers"), stop("worker", true), stop("edge", true)]
  await expect(stopEach(all)).rejects.toThrow("edge hangs")
  expect(stopped).toEqual(["edge", "worker", "servers"])
})
