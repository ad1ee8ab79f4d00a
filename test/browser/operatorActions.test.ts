import * as fs from "node:fs"
import { type Browser, chromium, type Page } from "playwright-core"
import { sql } from "kysely"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { signIn } from "../support/signIn.ts"
import { paymentIdOf } from "../../src/domain/identifiers.ts"
import { eventually, startTestLastro, type TestLastro } from "../support/lastro.ts"
import { connectAs } from "../support/machine.ts"

const executable = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"]
  .find((path) => fs.existsSync(path))

const reason = "(skipped without a Chromium on this machine: apt-get install chromium)"
describe.skipIf(executable === undefined)(
  `an operator's actions ${executable ? "" : reason}`,
  () => {
    let one: TestLastro
    let browser: Browser
    let page: Page
    const errors: Array<string> = []

    const create = async (id: string) =>
      await one.ask(await one.key("acme"), "POST", "/v1/payments", {
        headers: { "idempotency-key": id, ...(id === "done" && { prefer: "wait=5" }) },
        body: {
          amount: 100,
          currency: "BRL",
          payment_method: { type: "card", token: "tok_approved" }
        }
      })
    const statusOf = async (id: string) =>
      (await one.ask(await one.key("acme"), "GET", `/v1/payments/${id}`)).json.status

    /** A document nobody can read stands where the payment would: its key is quarantined. */
    const stopped = paymentIdOf("acme", "stopped")

    beforeAll(async () => {
      one = await startTestLastro()
      await sql`insert into payments (id, merchant, status, created_millis, doc)
      values (${stopped}, 'acme', 'received', 0, '{}')`.execute(one.db)
      await create("stopped")
      await create("done")
      const nc = await connectAs(one.stack, one.stack.nats.producer)
      await nc.request("lastro.payments.create.acme", `{"amount": "<b>much</b>"}`)
      await nc.close()
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
      await page.locator("#dead tbody tr").nth(1).waitFor()
    })
    afterAll(async () => {
      await browser?.close()
      await one?.stop()
    })

    /** By keyboard alone: to the button, press, say why, press. */
    const press = async (button: ReturnType<Page["locator"]>, why: string) => {
      await button.focus()
      await page.keyboard.press("Enter")
      await page.locator("#ask").waitFor()
      // A reason is needed.
      await page.keyboard.press("Enter")
      expect(await page.locator("#ask").isVisible()).toBe(true)
      await page.keyboard.type(why)
      await page.keyboard.press("Enter")
      await page.locator("#ask").waitFor({ state: "hidden" })
    }

    const says = (id: string, text: RegExp) =>
      eventually(async () => text.test(await page.locator(id).innerText()) || undefined)

    const row = (id: string, text: string | RegExp) =>
      page.locator(`${id} tbody tr`).filter({ hasText: text })

    const actions = async () => {
      const { json } = await one.ask(await one.operatorKey(), "GET", "/v1/operations/actions")
      return json.data as Array<Record<string, unknown>>
    }

    test("a dead letter is shown with its content, as text", async () => {
      const letter = row("#dead", "malformed")
      await letter.getByRole("button", { name: /^show/i }).focus()
      await page.keyboard.press("Enter")
      await says("#letter", /"amount": "<b>much<\/b>"/)
      await says("#letter", /operator\s+show/)
      await page.keyboard.press("Escape")
      await page.locator("#letter").waitFor({ state: "hidden" })
    })

    test("nothing is done without a reason", async () => {
      await row("#dead", "malformed").getByRole("button", { name: /discard/i }).click()
      await page.locator("#ask-cancel").click()
      // A list stands still under the pointer.
      await page.mouse.move(0, 0)
      expect((await actions()).map(({ action }) => action)).toEqual(["show", "sign_in"])
    })

    test("a dead letter is discarded", async () => {
      await press(row("#dead", "malformed").getByRole("button", { name: /discard/i }), "no use")
      await says("#dead-note", /discarded/)
      expect((await actions())[0]).toMatchObject({ action: "discard", why: "no use" })
      await page.locator("#main").focus()
      await eventually(async () => await row("#dead", "malformed").count() === 0 || undefined)
    })

    test("a quarantined key is listed, and replaying what stopped it lets it go", async () => {
      await row("#keys", "quarantined").waitFor()
      await says("#partitions", /needs a person/)
      await sql`delete from payments where id = ${stopped} and doc::text = '{}'`.execute(one.db)
      await press(row("#dead", "holds its key").getByRole("button", { name: /replay/i }), "healed")
      await says("#dead-note", /its key goes on/)
      await eventually(async () => await statusOf(stopped) === "captured" || undefined)
      await page.locator("#main").focus()
      await eventually(async () => await row("#keys", "quarantined").count() === 0 || undefined)
    })

    test("a payment is held from its trace and let go from the list of keys", async () => {
      const payment = row("#payments", /captured/i).first()
      await payment.focus()
      await page.keyboard.press("Enter")
      await press(page.locator("#trace").getByRole("button", { name: /^pause/i }), "looks odd")
      await says("#trace-note", /paused/)
      await page.locator("#trace").getByRole("button", { name: /^resume/i }).waitFor()
      await page.locator("#trace-close").focus()
      await page.keyboard.press("Enter")
      const held = row("#keys", "looks odd")
      await held.waitFor()
      await press(held.getByRole("button", { name: /^resume/i }), "it is fine")
      await says("#keys-note", /its key goes on/)
    })

    test("a family is paused and resumed", async () => {
      const family = page.locator(".family").filter({ hasText: /^delivery/i })
      await family.locator("summary").waitFor()
      if (!await family.evaluate((node) => (node as unknown as { open: boolean }).open)) {
        await family.locator("summary").click()
      }
      await press(family.getByRole("button", { name: /pause/i }), "the merchant asked")
      await eventually(async () =>
        /paused by operator: the merchant asked/.test(await family.innerText()) || undefined
      )
      await press(family.getByRole("button", { name: /resume/i }), "done")
      await says("#families-note", /delivery: goes on/)
      await family.getByRole("button", { name: /pause/i }).waitFor()
      const shared = page.locator(".family").filter({ hasText: /^fraud/i })
      expect(await shared.innerText()).toContain("decided in the turns of payments")
      expect(await shared.locator(".family-acts button:visible").count()).toBe(0)
    })

    test("it fits a narrow window", async () => {
      await page.setViewportSize({ width: 360, height: 740 })
      const wide = await page.evaluate("document.documentElement.scrollWidth")
      expect(wide).toBeLessThanOrEqual(360)
      await page.setViewportSize({ width: 1280, height: 800 })
    })

    test("raises no script error", () => {
      expect(errors).toEqual([])
    })
  }
)
