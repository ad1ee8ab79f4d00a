import * as fs from "node:fs"
import { resolve } from "node:path"
import ts from "typescript"

/** The product as the compiler sees it, whole files and what they mean. */
export interface Sources {
  /** Absolute paths, without those that were planted. */
  readonly files: ReadonlyArray<string>
  readonly checker: ts.TypeChecker
  readonly treeOf: (file: string) => ts.SourceFile
}

/** Every rule walks the same trees: each is taken apart once. */
const known = new WeakMap<ts.Node, ReadonlyArray<ts.Node>>()

export const nodesOf = (root: ts.Node): ReadonlyArray<ts.Node> => {
  const before = known.get(root)
  if (before !== undefined) return before
  const found: Array<ts.Node> = []
  const visit = (node: ts.Node) => {
    found.push(node)
    ts.forEachChild(node, visit)
  }
  visit(root)
  known.set(root, found)
  return found
}

/** A text that is compiled as if it were that file. */
export interface Planted {
  readonly file: string
  readonly text: string
}

/** Files and what they import, with others that are not there, as the compiler sees them. */
export const compiled = (
  files: ReadonlyArray<string>,
  planted: ReadonlyArray<Planted>
): ts.Program => {
  const configuration = ts.readConfigFile("tsconfig.json", ts.sys.readFile).config
  const { options } = ts.parseJsonConfigFileContent(configuration, ts.sys, resolve("."))
  const host = ts.createCompilerHost(options)
  const read = host.getSourceFile
  const texts = new Map(planted.map(({ file, text }) => [file, text]))
  host.getSourceFile = (file, ...rest) => {
    const text = texts.get(file)
    return text === undefined
      ? read(file, ...rest)
      : ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true)
  }
  return ts.createProgram(
    [...files, ...texts.keys()],
    { ...options, noEmit: true, skipLibCheck: true },
    host
  )
}

/** The sources, and one file that is not there with mistakes that a test must find. */
export const readSources = (planted: Planted): Sources => {
  const files = ["src", "actors", "streams"].flatMap((folder) =>
    fs.readdirSync(folder, { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".ts")).map((name) => resolve(folder, name))
  )
  const program = compiled(files, [planted])
  return {
    files,
    checker: program.getTypeChecker(),
    treeOf: (file) => program.getSourceFile(file)!
  }
}
