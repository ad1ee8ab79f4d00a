import { type Role, roles } from "../../src/domain/role.ts"
import { scopes } from "../../src/domain/scope.ts"
import type { Route } from "../../src/edge/route.ts"

const names = Object.keys(roles) as ReadonlyArray<Role>

/** Whether somebody of this role may ask this route, as it is written down for people. */
const cell = ({ audience, scope }: Route, name: Role): string => {
  if (audience === "public") return "yes"
  const { scopes: granted, side } = roles[name] as {
    readonly scopes: ReadonlyArray<string>
    readonly side: string
  }
  if (!granted.includes(scope) || (audience === "operator" && side !== "platform")) return "–"
  return audience === "merchant" && side === "merchant" ? "own" : "yes"
}

const row = (cells: ReadonlyArray<string>): string => `| ${cells.join(" | ")} |`

/** docs/permissions.md, made from the routes and the roles. */
export const permissionPage = (routes: ReadonlyArray<Route>): string =>
  [
    "# Who may do what",
    "",
    "Made from the routes and the roles; `test/access/permissions.test.ts` asks every route with a key of every",
    "role and holds each answer to its cell. *own*: of the caller's own merchant. What roles, scopes and keys are",
    "stands in [access](access.md).",
    "",
    row(["", "scope", ...names]),
    row(["---", "---", ...names.map(() => "---")]),
    ...routes.map((route) =>
      row([
        `\`${route.method} ${route.path}\``,
        route.scope ?? "",
        ...names.map((name) => cell(route, name))
      ])
    ),
    "",
    "## Scopes",
    "",
    row(["", "", ...names]),
    row(["---", "---", ...names.map(() => "---")]),
    ...Object.entries(scopes).map(([scope, about]) =>
      row([
        `\`${scope}\``,
        about,
        ...names.map((name) =>
          (roles[name].scopes as ReadonlyArray<string>).includes(scope) ? "yes" : "–"
        )
      ])
    ),
    ""
  ].join("\n")

/** The cells as a person reads them: route, role, whether it is allowed. */
export const cellsOf = (page: string): ReadonlyMap<string, ReadonlyMap<Role, string>> => {
  const cells = new Map<string, ReadonlyMap<Role, string>>()
  for (const line of page.split("\n")) {
    const [, route, , ...rest] = line.split("|").map((one) => one.trim())
    if (route === undefined || !/^`(GET|POST|PUT|DELETE) /.test(route)) continue
    cells.set(route.slice(1, -1), new Map(names.map((name, index) => [name, rest[index]!])))
  }
  return cells
}
