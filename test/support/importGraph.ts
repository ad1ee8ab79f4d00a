import { dirname, relative, resolve } from "node:path"
import ts from "typescript"
import { nodesOf } from "./sources.ts"

export type Trees = ReadonlyMap<string, ts.SourceFile>

/** Static, type-only, re-exporting and dynamic imports alike. */
export const importsOf = (tree: ts.SourceFile): ReadonlyArray<string> =>
  nodesOf(tree).flatMap((node) => {
    const specifier = specifierOf(node)
    return specifier === undefined ? [] : [specifier]
  })

const specifierOf = (node: ts.Node): string | undefined => {
  const specifier = ts.isImportDeclaration(node) || ts.isExportDeclaration(node)
    ? node.moduleSpecifier
    : ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword
    ? node.arguments[0]
    : ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)
    ? node.argument.literal
    : undefined
  return specifier !== undefined && ts.isStringLiteralLike(specifier) ? specifier.text : undefined
}

/** A file of the house by the import that names it; packages give undefined. */
export const targetOf = (path: string, specifier: string): string | undefined =>
  specifier.startsWith(".")
    ? relative(resolve("."), resolve(dirname(path), specifier)).replaceAll("\\", "/")
    : undefined

/** Files that reach themselves by what they import, values or types: each circle once, by its paths. */
export const circlesIn = (trees: Trees): ReadonlyArray<ReadonlyArray<string>> => {
  const imported = new Map(
    [...trees].map(([path, tree]) => [
      path,
      importsOf(tree).flatMap((specifier) => targetOf(path, specifier) ?? [])
    ])
  )
  const reached = new Map([...trees.keys()].map((path) => [path, reachableFrom(path, imported)]))
  const circles = [...reached].filter(([path, far]) => far.has(path)).map(([path, far]) =>
    [...far].filter((other) => reached.get(other)?.has(path)).sort()
  )
  return [...new Map(circles.map((circle) => [circle.join(), circle])).values()]
}

const reachableFrom = (
  start: string,
  imported: ReadonlyMap<string, ReadonlyArray<string>>
): ReadonlySet<string> => {
  const reached = new Set<string>()
  const visit = (path: string) => {
    for (const target of imported.get(path) ?? []) {
      if (reached.has(target)) continue
      reached.add(target)
      visit(target)
    }
  }
  visit(start)
  return reached
}

/** What is exported and named by no other file, as `path: name`. */
export const needlessExports = (
  trees: Trees,
  looked: (path: string) => boolean
): ReadonlyArray<string> => {
  const used = new Set([...trees].flatMap(([path, tree]) => namesTakenBy(path, tree)))
  return [...trees].filter(([path]) => looked(path) && !used.has(`${path}: *`))
    .flatMap(([path, tree]) => exportsOf(tree).map((name) => `${path}: ${name}`))
    .filter((name) => !used.has(name))
}

const WHOLE = ["*"]

const namesTakenBy = (path: string, tree: ts.SourceFile): ReadonlyArray<string> =>
  nodesOf(tree).flatMap((node) => {
    const specifier = specifierOf(node)
    const target = specifier === undefined ? undefined : targetOf(path, specifier)
    return target === undefined ? [] : namesIn(tree, node).map((name) => `${target}: ${name}`)
  })

const namesIn = (tree: ts.SourceFile, node: ts.Node): ReadonlyArray<string> => {
  if (ts.isImportDeclaration(node)) {
    const { name, namedBindings } = node.importClause ?? {}
    return [...(name === undefined ? [] : ["default"]), ...boundNames(tree, namedBindings)]
  }
  if (ts.isExportDeclaration(node) && node.exportClause !== undefined) {
    return ts.isNamedExports(node.exportClause) ? node.exportClause.elements.map(nameOf) : WHOLE
  }
  if (ts.isImportTypeNode(node) && node.qualifier !== undefined) return [node.qualifier.getText()]
  return WHOLE
}

const nameOf = ({ name, propertyName }: ts.ImportSpecifier | ts.ExportSpecifier): string =>
  (propertyName ?? name).text

/** Of `import * as x` what is taken from `x`; all of it where `x` itself is handed on. */
const boundNames = (
  tree: ts.SourceFile,
  bindings: ts.NamedImportBindings | undefined
): ReadonlyArray<string> => {
  if (bindings === undefined) return []
  if (ts.isNamedImports(bindings)) return bindings.elements.map(nameOf)
  return nodesOf(tree).filter((node) =>
    ts.isIdentifier(node) && node !== bindings.name && node.text === bindings.name.text
  ).flatMap(({ parent }) =>
    ts.isPropertyAccessExpression(parent)
      ? [parent.name.text]
      : ts.isQualifiedName(parent)
      ? [parent.right.text]
      : WHOLE
  )
}

const exportsOf = (tree: ts.SourceFile): ReadonlyArray<string> =>
  tree.statements.flatMap((statement) => {
    const modifiers = ts.canHaveModifiers(statement) ? ts.getModifiers(statement) ?? [] : []
    if (!modifiers.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword)) return []
    if (ts.isVariableStatement(statement)) {
      return statement.declarationList.declarations.flatMap(({ name }) =>
        ts.isIdentifier(name)
          ? [name.text]
          : name.elements.flatMap((one) =>
            ts.isBindingElement(one) && ts.isIdentifier(one.name) ? [one.name.text] : []
          )
      )
    }
    const { name } = statement as ts.DeclarationStatement
    return name === undefined ? [] : [name.text]
  })
