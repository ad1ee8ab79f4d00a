import type { Route } from "../route.ts"

const KEY = "sk_…"
const HERE = "https://lastro.example"

/** What a request needs at least, beside what stands in its path. */
const headersOf = (route: Route): ReadonlyArray<readonly [name: string, value: string]> => [
  ...route.audience === "public" ? [] : [["Authorization", `Bearer ${KEY}`] as const],
  ...route.idempotent === true ? [["Idempotency-Key", "order-1001"] as const] : [],
  ...route.body !== undefined
    ? [["Content-Type", "application/json"] as const]
    : route.text !== undefined
    ? [["Content-Type", route.text.contentType] as const]
    : []
]

const BODY_FILE = "body.json"

const curl = (route: Route): string =>
  [
    `curl -s -X ${route.method} '${HERE}${route.path}'`,
    ...headersOf(route).map(([name, value]) => `  -H '${name}: ${value}'`),
    ...route.body === undefined && route.text === undefined ? [] : [`  --data-binary @${BODY_FILE}`]
  ].join(" \\\n")

const typescript = (route: Route): string => {
  const names = [...route.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name)
  const params = [
    ...names.length > 0 ? [`path: { ${names.join(", ")} }`] : [],
    ...route.idempotent === true ? ['header: { "Idempotency-Key": "order-1001" }'] : []
  ]
  const asked = [
    ...params.length > 0 ? [`params: { ${params.join(", ")} }`] : [],
    ...route.body === undefined ? [] : ["body"]
  ]
  return `const { data, error } = await lastro({ url: "${HERE}", key: "${KEY}" })\n` +
    `  .${route.method}("${route.path}"${asked.length > 0 ? `, { ${asked.join(", ")} }` : ""})`
}

const python = (route: Route): string => {
  const headers = headersOf(route).map(([name, value]) => `        "${name}": "${value}",`)
  const body = route.body === undefined && route.text === undefined
    ? ""
    : `    data=open("${BODY_FILE}", "rb"),\n`
  const quoted = `${route.path.includes("{") ? "f" : ""}"${HERE}${route.path}"`
  return `import requests\n\nanswer = requests.request(\n    "${route.method}", ${quoted},\n` +
    `${headers.length > 0 ? `    headers={\n${headers.join("\n")}\n    },\n` : ""}${body})`
}

/** The same request in three ways. */
export const snippetsOf = (route: Route): ReadonlyArray<readonly [name: string, text: string]> => [
  ["curl", curl(route)],
  ["TypeScript", typescript(route)],
  ["Python", python(route)]
]
