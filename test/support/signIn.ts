import type { Page } from "playwright-core"

/** By keyboard, at the page to which whoever is not signed in is led. */
export const signIn = async (page: Page, url: string, key: string): Promise<void> => {
  await page.goto(url)
  await page.locator("#key").waitFor()
  await page.keyboard.type(key)
  await page.keyboard.press("Enter")
  await page.waitForURL(`${url}/`)
}
