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

/** The sources, and one file that is not there with mistakes that a test must find. */
export const readSources = (planted: { readonly file: string; readonly text: string }): Sources => {
  const files = ["src", "actors", "streams"].flatMap((folder) =>
    fs.readdirSync(folder, { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".ts")).map((name) => resolve(folder, name))
  )
  const configuration = ts.readConfigFile("tsconfig.json", ts.sys.readFile).config
  const { options } = ts.parseJsonConfigFileContent(configuration, ts.sys, resolve("."))
  const host = ts.createCompilerHost(options)
  const read = host.getSourceFile
  host.getSourceFile = (file, ...rest) =>
    file === planted.file
      ? ts.createSourceFile(file, planted.text, ts.ScriptTarget.Latest, true)
      : read(file, ...rest)
  const program = ts.createProgram(
    [...files, planted.file],
    { ...options, noEmit: true, skipLibCheck: true },
    host
  )
  return {
    files,
    checker: program.getTypeChecker(),
    treeOf: (file) => program.getSourceFile(file)!
  }
}
