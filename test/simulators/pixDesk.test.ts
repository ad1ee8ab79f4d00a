import * as fs from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, expect, test } from "vitest"
import { RETURN_MILLIS, startPixSimulator } from "../../src/simulators/pix/server.ts"
import { testFolder } from "../support/lastro.ts"

const folder = testFolder("pix-desk")
beforeAll(() => void fs.mkdirSync(folder, { recursive: true }))
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }))

test("a bank that is closed while it makes a return ends quietly", async () => {
  const bank = await startPixSimulator({ file: join(folder, "bank.db") })
  const ask = async (method: string, path: string, body: object, token = "Basic x") => {
    const answer = await fetch(bank.url + path, {
      method,
      headers: { authorization: token },
      body: JSON.stringify(body)
    })
    expect(answer.status).toBeLessThan(300)
    return await answer.json()
  }
  const { access_token } = await ask("POST", "/oauth/token", {})
  const token = `Bearer ${access_token}`
  const txid = "a".repeat(26)
  const charge = { calendario: { expiracao: 3600 }, valor: { original: "5.00" }, chave: "key" }
  await ask("PUT", `/api/v2/cob/${txid}`, charge, token)
  const { endToEndId } = await ask("POST", `/payer/${txid}`, { quietly: true })
  await ask("POST", "/control", { returns: "later" })
  await ask("PUT", `/api/v2/pix/${endToEndId}/devolucao/r1`, { valor: "1.00" }, token)
  const unhandled: Array<unknown> = []
  const note = (error: unknown) => unhandled.push(error)
  process.on("unhandledRejection", note)
  await bank.stop()
  // The return was due in this time.
  await new Promise((resolve) => setTimeout(resolve, 2 * RETURN_MILLIS))
  process.off("unhandledRejection", note)
  expect(unhandled).toEqual([])
})
