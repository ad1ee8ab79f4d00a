import * as fs from "node:fs"
import { dirname, join } from "node:path"
import { expect, test } from "vitest"

const pagesBelow = (folder: string): Array<string> =>
  fs.readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`
    return entry.isDirectory() ? pagesBelow(path) : path.endsWith(".md") ? [path] : []
  })

const pages = ["README.md", ...pagesBelow("docs")]

/** Headings as links name them: lower case, words joined by hyphens. */
const anchorsOf = (text: string): ReadonlyArray<string> =>
  [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
    heading!.toLowerCase().replaceAll(/[^\p{L}\p{N} -]/gu, "").replaceAll(" ", "-")
  )

const textOf = (page: string): string => fs.readFileSync(page, "utf8")

test("every link of a page leads somewhere", () => {
  const dead = pages.flatMap((page) =>
    [...textOf(page).matchAll(/\]\((?!https?:)([^)#]*)(?:#([^)]+))?\)/g)].flatMap(
      ([, to, anchor]) => {
        const target = to === "" ? page : join(dirname(page), to!)
        if (!fs.existsSync(target)) return [`${page} -> ${to}`]
        const known = anchor === undefined || anchorsOf(textOf(target)).includes(anchor)
        return known ? [] : [`${page} -> ${to}#${anchor}`]
      }
    )
  )
  expect(dead).toEqual([])
})

/** `folder/file` *beginning of a title*, as the pages about the machine name tests. */
const NAMED =
  /`((?:bus|chaos|cli|contract|domain|edge|gateways|golden|house|payments|proof|runtime|simulation|stack|store|trials)\/[\w]+|golden)`((?:,? \*[^*]+\*)*)/g

test("every test that the protocol and the decisions name is there", () => {
  const named = ["docs/protocol.md", "docs/architecture.md", ...pagesBelow("docs/decisions")]
    .flatMap((page) =>
      [...textOf(page).matchAll(NAMED)].map(([, file, titles]) => ({
        page,
        file: file === "golden" ? "golden/golden" : file!,
        titles: [...titles!.matchAll(/\*([^*]+)\*/g)].map(([, title]) => title!)
      }))
    )
  expect(named.length).toBeGreaterThan(50)
  const missing = named.flatMap(({ file, page, titles }) => {
    const path = `test/${file}.test.ts`
    if (!fs.existsSync(path)) return [`${page}: ${path}`]
    const text = textOf(path)
    return titles.filter((title) => !text.includes(`"${title}`))
      .map((title) => `${page}: ${path}: ${title}`)
  })
  expect(missing).toEqual([])
})

test("every section that a comment cites is there", () => {
  const sections = [...textOf("docs/protocol.md").matchAll(/^## (\d+)\./gm)].map(([, number]) =>
    number!
  )
  const sources = ["src", "actors", "streams"].flatMap((folder) =>
    fs.readdirSync(folder, { recursive: true, encoding: "utf8" })
      .filter((path) => path.endsWith(".ts")).map((path) => join(folder, path))
  )
  const cited = sources.flatMap((path) =>
    [...textOf(path).matchAll(/docs\/protocol\.md §(\d+)/g)].map(([, number]) =>
      `${path} §${number}`
    )
  )
  expect(cited.length).toBeGreaterThan(5)
  expect(cited.filter((one) => !sections.includes(one.split("§")[1]!))).toEqual([])
})
