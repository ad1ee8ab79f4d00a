import { createHash } from "node:crypto"
import * as fs from "node:fs"
import { extname } from "node:path"
import { fileURLToPath } from "node:url"
import { currencyCodes, exponentOf } from "../domain/currency.ts"

const TYPES: Readonly<Record<string, string>> = {
  ".css": "text/css; charset=utf-8",
  ".js": "text/javascript; charset=utf-8"
}
/** Characters of a version: other files have another address. */
const VERSION_CHARACTERS = 12

interface PageFile {
  readonly text: string
  readonly contentType: string
}

/** Two decimals are the rule: the page needs the exceptions only. */
const exponents = Object.fromEntries(
  currencyCodes.map((code) => [code, exponentOf(code)] as const).filter(([, digits]) =>
    digits !== 2
  )
)

const folder = fileURLToPath(new URL("./page", import.meta.url))
const textOf = (name: string): string => fs.readFileSync(`${folder}/${name}`, "utf8")

/** What the page loads, as it was when this process started. */
export const pageFiles: ReadonlyMap<string, PageFile> = new Map(
  fs.readdirSync(folder).sort().flatMap((name) => {
    const contentType = TYPES[extname(name)]
    return contentType === undefined ? [] : [[name, { text: textOf(name), contentType }] as const]
  })
)

/** Stands in the files' addresses, so that browsers may keep them for good. */
export const pageVersion: string = [...pageFiles]
  .reduce(
    (hash, [name, { text }]) => hash.update(`${name}\0${text.length}\0${text}`),
    createHash("sha256")
  )
  .digest("hex").slice(0, VERSION_CHARACTERS)

const page = textOf("page.html")
  .replaceAll("{{version}}", pageVersion)
  .replaceAll("{{exponents}}", JSON.stringify(exponents).replaceAll('"', "&quot;"))

/** With the token that requests of its session carry. */
export const operatorPage = (csrf: string): string => page.replace("{{csrf}}", csrf)
