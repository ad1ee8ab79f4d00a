import * as fs from "node:fs"
import { resolve } from "node:path"
import openapiTypescript, { astToString } from "openapi-typescript"
import { described } from "../src/edge/docs/routes.ts"
import { openApi } from "../src/edge/openapi/document.ts"
import { edgeRoutes } from "../src/house/edge.ts"

const CLIENT = `import createClient, { type Client } from "openapi-fetch"
import type { paths } from "./schema.d.ts"

/** Lastro's API, typed: \`lastro({ url, key }).GET("/v1/payments/{id}", { params: { path: { id } } })\`. */
export const lastro = (
  { key, url }: { readonly url: string; readonly key: string }
): Client<paths> =>
  createClient<paths>({ baseUrl: url, headers: { authorization: \`Bearer \${key}\` } })
`

/** Writes types and a client of this version's API into a folder: \`deno task client [folder]\`. */
export const writeClient = async (folder: string): Promise<void> => {
  const document = openApi(described(edgeRoutes({ allowPrivateWebhooks: false })))
  const types = astToString(await openapiTypescript(JSON.stringify(document)))
  fs.mkdirSync(folder, { recursive: true })
  fs.writeFileSync(resolve(folder, "schema.d.ts"), types)
  fs.writeFileSync(resolve(folder, "client.ts"), CLIENT)
}
