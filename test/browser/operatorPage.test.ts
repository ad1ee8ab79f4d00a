import * as fs from "node:fs"
import { type Browser, chromium, type Page } from "playwright-core"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { signIn } from "../support/signIn.ts"
import { pageFiles } from "../../src/edge/operatorPage.ts"
import { eventually, type OwnLastro, startOwnLastro } from "../support/lastro.ts"

const executable = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"]
  .find((path) => fs.existsSync(path))

const PAGE_BYTES_MAX = 10_000
const FILES_BYTES_MAX = 90_000

const reason = "(skipped without a Chromium on this machine: apt-get install chromium)"
describe.skipIf(executable === undefined)(`the operator page ${executable ? "" : reason}`, () => {
  let one: OwnLastro
  let browser: Browser
  let page: Page
  const errors: Array<string> = []

  const pay = async (key: string, id: string, amount: number) =>
    await one.ask(key, "POST", "/v1/payments", {
      headers: { "idempotency-key": id, prefer: "wait=5" },
      body: {
        amount,
        currency: "BRL",
        payment_method: { type: "card", token: "tok_approved" },
        customer: { id: `cus_${id}` }
      }
    })

  beforeAll(async () => {
    one = await startOwnLastro()
    const key = await one.key("acme")
    await pay(key, "small", 10_000)
    await pay(key, "large", 900_000)
    browser = await chromium.launch({
      executablePath: executable!,
      args: ["--no-sandbox", "--disable-dev-shm-usage"]
    })
    const context = await browser.newContext({ locale: "en-US" })
    page = await context.newPage()
    page.on("pageerror", (error) => errors.push(String(error)))
    page.on("console", (message) => {
      if (message.type() === "error") errors.push(message.text())
    })
    await signIn(page, one.url, await one.operatorKey())
  })
  afterAll(async () => {
    await browser?.close()
    await one?.stop()
  })

  const text = () => page.locator("body").innerText()

  test("is a small page that loads little", async () => {
    const answer = await one.ask(await one.operatorKey(), "GET", "/")
    expect(Buffer.byteLength(answer.json as string)).toBeLessThan(PAGE_BYTES_MAX)
    const sizes = [...pageFiles.values()].map(({ text }) => Buffer.byteLength(text))
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(FILES_BYTES_MAX)
  })

  test("runs nothing that is written into it", async () => {
    await page.evaluate(`document.body.insertAdjacentHTML("beforeend",
      "<img src='data:,' onerror='globalThis.slipped = true'>")`)
    const refused = await eventually(async () =>
      await Promise.resolve(errors.find((text) => /Content Security/.test(text)))
    )
    errors.splice(errors.indexOf(refused), 1)
    expect(await page.evaluate("globalThis.slipped")).toBeUndefined()
  })

  test("shows payments, partitions and a trial balance of nought", async () => {
    await eventually(async () => {
      const shown = await text()
      return shown.includes("acme") && /captured/i.test(shown) && shown.includes("BRL")
        ? shown
        : undefined
    })
    expect(await page.locator("#families").innerText()).toMatch(/payments/i)
  })

  test("opens a payment's trace by keyboard alone and closes it with Escape", async () => {
    const row = page.locator("#payments tbody tr").filter({ hasText: /captured/i }).first()
    await row.focus()
    await page.keyboard.press("Enter")
    await eventually(async () => {
      const steps = await page.locator("#steps").innerText()
      return steps.includes("payment.captured") ? steps : undefined
    })
    await page.keyboard.press("Escape")
    await eventually(async () => await page.locator("#trace").isVisible() ? undefined : true)
  })

  test("lets a held payment go on with a button", async () => {
    const approve = page.locator("#reviews").getByRole("button", { name: /approve/i }).first()
    await approve.waitFor()
    await approve.focus()
    await page.keyboard.press("Enter")
    const key = await one.key("acme")
    await eventually(async () => {
      const { json } = await one.ask(key, "GET", "/v1/payments?status=captured")
      return json.data.length === 2 ? true : undefined
    })
  })

  test("speaks Portuguese where asked", async () => {
    await page.locator("#language").click()
    await eventually(async () => /Pagamentos/i.test(await text()) ? true : undefined)
  })

  test("says what is not well, and what is not known, while a server hangs", async () => {
    await eventually(async () => await page.locator("#health").isHidden() || undefined)
    const nats = one.stack.pids().nats
    process.kill(nats, "SIGSTOP")
    try {
      await eventually(async () =>
        /NATS does not answer.*families/.test(await page.locator("#health").innerText()) ||
        undefined
      )
    } finally {
      process.kill(nats, "SIGCONT")
    }
    await eventually(async () => await page.locator("#health").isHidden() || undefined)
  })

  test("raises no script error", () => {
    expect(errors).toEqual([])
  })
})
