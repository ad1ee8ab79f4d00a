import { expect, test } from "vitest"
import { operatorPage as pageWith, pageFiles, pageVersion } from "../../src/edge/operatorPage.ts"

const operatorPage = pageWith("token")
const scripts = [...pageFiles].filter(([name]) => name.endsWith(".js"))
const everything = scripts.map(([, { text }]) => text).join("\n")
const words = pageFiles.get("words.js")!.text

const found = (
  text: string,
  pattern: RegExp
) => [...new Set([...text.matchAll(pattern)].map(([, one]) => one!))]

test("every file the page or a script of it names is served", () => {
  const named = [
    ...found(operatorPage, new RegExp(`"/page/${pageVersion}/([^"]+)"`, "g")),
    ...found(everything, / from "\.\/([^"]+)"/g)
  ]
  expect(named.filter((name) => !pageFiles.has(name))).toEqual([])
  expect([...pageFiles.keys()].filter((name) => !named.includes(name))).toEqual([])
})

test("the page holds no script, no style and no handler, for its policy would refuse them", () => {
  expect(operatorPage).not.toMatch(/<style|\sstyle=|\son\w+=|<script(?![^>]* src=)/)
  expect(operatorPage).not.toContain("{{")
})

test("every word the page asks for is known", () => {
  const known = found(words, /^ {2}"?([^":\n]+?)"?: \[/gm)
  const asked = [
    ...found(operatorPage, /data-t="([^"]+)"/g),
    ...found(everything, /[^\w.]t\("([^"]+)"(?! \+)/g)
  ]
  expect(asked.length).toBeGreaterThan(60)
  expect(asked.filter((word) => !known.includes(word))).toEqual([])
})

test("every part a script asks for by name is on the page", () => {
  const asked = found(everything, /\b(?:el|dialogOf|tableOf)\("([^"]+)"\)/g)
  expect(asked.length).toBeGreaterThan(30)
  expect(asked.filter((id) => !operatorPage.includes(`id="${id}"`))).toEqual([])
})
