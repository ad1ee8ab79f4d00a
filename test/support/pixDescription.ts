import * as fs from "node:fs"
import { resolve } from "node:path"
import { Ajv } from "ajv"
import addFormats from "ajv-formats"
import { parse } from "yaml"

type Json = Readonly<Record<string, unknown>>

const folder = process.env["LASTRO_FIXTURES_DIR"] ?? "../shared/fixtures"
const file = resolve(folder, "pix/openapi.yaml")

/** The central bank's description of the Pix API; undefined, and said so, where it is not given. */
export const descriptionFile: string | undefined = fs.existsSync(file) ? file : undefined
if (descriptionFile === undefined) {
  console.warn("skipped: LASTRO_FIXTURES_DIR names no folder with pix/openapi.yaml")
}

export interface Exchange {
  readonly method: string
  readonly path: string
  readonly requestBody: unknown
  readonly status: number
  readonly responseBody: unknown
}

/** The description writes some patterns as JavaScript literals ("/^\\d{11}$/"). */
const mended = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(mended)
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [
      name,
      name === "pattern" && typeof inner === "string"
        ? `^(?:${inner.replace(/^\/(.*)\/$/, "$1")})$`
        : mended(inner)
    ])
  )
}

/** What is wrong with an exchange by the description; empty where nothing is. */
export const describedBy = (path: string): (exchange: Exchange) => ReadonlyArray<string> => {
  const description = mended(parse(fs.readFileSync(path, "utf8"))) as {
    readonly paths: Readonly<Record<string, Readonly<Record<string, Json>>>>
    readonly components: { readonly schemas: { readonly DadosRecebedor: { required?: unknown } } }
  }
  // It asks for the receiver's address one level too high, where its own examples have none.
  delete description.components.schemas.DadosRecebedor.required
  // The formats are typed for a copy of ajv that another package brings along.
  const ajv: Ajv = addFormats.default(new Ajv({ strict: false, allErrors: true }) as never) as never
  // Its own examples of locations have no scheme, and neither have those of real banks.
  ajv.addFormat("uri", true)
  ajv.addSchema({ ...description, $id: "pix" })
  const against = (pointer: string, body: unknown): ReadonlyArray<string> => {
    const validate = ajv.getSchema(`pix#${pointer}`)
    if (validate === undefined) return [`${pointer} is not described`]
    return validate(body) === true
      ? []
      : (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`)
  }
  const escaped = (part: string) =>
    encodeURIComponent(part.replaceAll("~", "~0").replaceAll("/", "~1"))
  const follow = (pointer: string): string => {
    let at: unknown = description
    for (const part of pointer.split("/").slice(1)) {
      at = (at as Json)[decodeURIComponent(part).replaceAll("~1", "/").replaceAll("~0", "~")]
    }
    const reference = (at as { $ref?: string } | undefined)?.$ref
    return reference === undefined ? pointer : reference.slice(1)
  }
  return ({ method, path, requestBody, responseBody, status }) => {
    const template = Object.keys(description.paths).find((one) =>
      new RegExp(`^${one.replaceAll(/\{\w+\}/g, "[^/]+")}$`).test(path)
    )
    const name = method.toLowerCase()
    const operation = template && description.paths[template]![name]
    if (!operation) return [`${method} ${path} is not described`]
    const place = `/paths/${escaped(template)}/${name}`
    const asked = operation["requestBody"] === undefined
      ? []
      : against(`${follow(`${place}/requestBody`)}/content/application~1json/schema`, requestBody)
    const responses = operation["responses"] as Json
    if (responses[String(status)] === undefined) return [...asked, `${status} is not described`]
    if (responseBody === undefined) return asked
    const kind = status < 400 ? "application~1json" : "application~1problem+json"
    const answer = follow(`${place}/responses/${status}`)
    return [...asked, ...against(`${answer}/content/${kind}/schema`, responseBody)]
  }
}
