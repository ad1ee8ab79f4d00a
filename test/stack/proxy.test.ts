import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net"
import { afterEach, beforeEach, expect, test } from "vitest"
import { Proxy } from "../../src/stack/proxy.ts"
import { becomes } from "../support/machine.ts"

let server: Server
let proxy: Proxy
/** Echoes what it hears. */
beforeEach(async () => {
  server = createServer((socket) => {
    socket.on("error", () => {})
    socket.pipe(socket)
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  proxy = await Proxy.before((server.address() as AddressInfo).port)
})
afterEach(async () => {
  await proxy.close()
  server.close()
})

const dial = async (): Promise<{ socket: Socket; heard: () => string; ended: () => boolean }> => {
  const socket = connect(proxy.port, "127.0.0.1")
  let text = ""
  let over = false
  socket.on("data", (chunk) => (text += chunk))
  socket.on("error", () => (over = true))
  socket.on("close", () => (over = true))
  // A refused one may be over before it hears of having been connected.
  await new Promise<void>((resolve) => {
    socket.once("connect", resolve)
    socket.once("close", () => resolve())
  })
  return { socket, heard: () => text, ended: () => over }
}

test("carries bytes both ways, much of them in order", async () => {
  const one = await dial()
  const sent = Array.from({ length: 50_000 }, (_, index) => `${index},`).join("")
  one.socket.write(sent)
  await becomes(() => one.heard().length === sent.length)
  expect(one.heard()).toBe(sent)
  expect(proxy.open).toBe(1)
  one.socket.end()
  await becomes(() => proxy.open === 0)
})

test("a cut ends what is open and lets others come", async () => {
  const one = await dial()
  one.socket.write("x")
  await becomes(() => one.heard() === "x")
  proxy.cut()
  await becomes(one.ended)
  const two = await dial()
  two.socket.write("y")
  await becomes(() => two.heard() === "y")
  expect(proxy.cuts).toBe(1)
  two.socket.destroy()
})

test("refusing leaves what is open and turns others away until it heals", async () => {
  const one = await dial()
  one.socket.write("a")
  await becomes(() => one.heard() === "a")
  proxy.refuse()
  const two = await dial()
  await becomes(two.ended)
  one.socket.write("b")
  await becomes(() => one.heard() === "ab")
  proxy.heal()
  const three = await dial()
  three.socket.write("c")
  await becomes(() => three.heard() === "c")
  for (const { socket } of [one, three]) socket.destroy()
})

test("a stall carries nothing and tells nobody; healed, what waited arrives", async () => {
  const one = await dial()
  one.socket.write("a")
  await becomes(() => one.heard() === "a")
  proxy.stall()
  one.socket.write("b")
  const two = await dial()
  two.socket.write("c")
  await new Promise((resolve) => setTimeout(resolve, 300))
  expect([one.heard(), two.heard(), one.ended(), two.ended()]).toEqual(["a", "", false, false])
  proxy.heal()
  await becomes(() => one.heard() === "ab" && two.heard() === "c")
  for (const { socket } of [one, two]) socket.destroy()
})
