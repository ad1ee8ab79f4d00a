import ts from "typescript"
import { nodesOf, type Sources } from "../sources.ts"
import { Choices } from "./choices.ts"

/** What of a statement is known only when it runs. */
export class Unknowable extends Error {}

/** Where a name gets its meaning: an expression, and what the names in it mean. */
export interface Bound {
  readonly node: ts.Expression
  readonly names: Names
}
export type Names = ReadonlyMap<ts.Symbol, Bound>

export const NONE: Names = new Map()

export const bare = (node: ts.Expression): ts.Expression =>
  ts.isParenthesizedExpression(node) || ts.isAsExpression(node) || ts.isNonNullExpression(node) ||
    ts.isSatisfiesExpression(node)
    ? bare(node.expression)
    : node

export const isFunction = (node: ts.Node): node is ts.ArrowFunction | ts.FunctionExpression =>
  ts.isArrowFunction(node) || ts.isFunctionExpression(node)

/** What names stand for, as far as it is written in the sources. */
export class Meanings {
  /** Of the form that is being read. */
  choices = new Choices()
  private readonly checker: ts.TypeChecker
  private readonly calls: ReadonlyMap<string, ReadonlyArray<ts.CallExpression>>
  private readonly properties: ReadonlyMap<string, ReadonlyArray<ts.PropertyAssignment>>

  constructor(sources: Sources, files: ReadonlyArray<string>) {
    this.checker = sources.checker
    const nodes = files.flatMap((file) => nodesOf(sources.treeOf(file)))
    this.calls = Map.groupBy(
      nodes.filter(ts.isCallExpression),
      ({ expression }) => ts.isIdentifier(expression) ? expression.text : ""
    )
    this.properties = Map.groupBy(
      nodes.filter(ts.isPropertyAssignment),
      ({ name }) => name.getText()
    )
  }

  sideOf(node: ts.BinaryExpression): ts.Expression {
    if (node.operatorToken.kind === ts.SyntaxKind.AmpersandAmpersandToken) return node.right
    return this.choices.choose(node, [node.left, node.right])
  }

  /** What a name, a condition or a property stands for. */
  elsewhere(node: ts.Expression, names: Names): Bound | undefined {
    if (ts.isConditionalExpression(node)) {
      const holds = this.truthOf(node.condition, names)
      const sides = [...holds === false ? [] : [node.whenTrue], ...holds ? [] : [node.whenFalse]]
      return { node: this.choices.choose(node, sides), names }
    }
    if (ts.isElementAccessExpression(node) || ts.isPropertyAccessExpression(node)) {
      return this.propertyOf(node, names)
    }
    if (!ts.isIdentifier(node)) return undefined
    const symbol = this.symbolOf(node)
    const bound = symbol && names.get(symbol)
    if (bound !== undefined) return bound
    const declaration = symbol?.valueDeclaration
    if (declaration === undefined) return undefined
    if (ts.isVariableDeclaration(declaration) && declaration.initializer !== undefined) {
      return { node: declaration.initializer, names }
    }
    if (ts.isBindingElement(declaration)) {
      return this.entryOf(declaration, names) ?? this.takenFrom(declaration, names)
    }
    return ts.isParameter(declaration) ? this.givenBy(declaration) : undefined
  }

  /** `for (const [name, value] of Object.entries(object))`: each in its turn. */
  private entryOf(element: ts.BindingElement, names: Names): Bound | undefined {
    const loop = element.parent.parent.parent.parent
    if (!ts.isForOfStatement(loop) || !ts.isCallExpression(loop.expression)) return undefined
    const { arguments: [object], expression } = loop.expression
    if (expression.getText() !== "Object.entries") return undefined
    const entries = this.objectOf(object!, names).properties.filter(ts.isPropertyAssignment)
    const { initializer, name } = this.choices.choose(loop, entries)
    const place = (element.parent.elements as ReadonlyArray<ts.Node>).indexOf(element)
    return { node: place === 0 ? name as ts.Identifier : initializer, names }
  }

  /** `const { table } = options`, or the same of a parameter. */
  private takenFrom(element: ts.BindingElement, names: Names): Bound | undefined {
    const holder = element.parent.parent
    const from = ts.isParameter(holder)
      ? this.givenBy(holder)
      : ts.isVariableDeclaration(holder) && holder.initializer !== undefined
      ? { node: holder.initializer, names }
      : undefined
    return from && this.inObject(from, (element.propertyName ?? element.name).getText())
  }

  /** A property of what is an object literal in the end. */
  private inObject(holder: Bound, wanted: string): Bound | undefined {
    const object = bare(holder.node)
    if (!ts.isObjectLiteralExpression(object)) {
      const elsewhere = this.elsewhere(object, holder.names)
      return elsewhere && this.inObject(elsewhere, wanted)
    }
    const found = object.properties.find((property) => property.name?.getText() === wanted)
    const value = found === undefined
      ? undefined
      : ts.isPropertyAssignment(found)
      ? found.initializer
      : ts.isShorthandPropertyAssignment(found)
      ? found.name
      : undefined
    return value && { node: value, names: holder.names }
  }

  private truthOf(given: ts.Expression, names: Names): boolean | undefined {
    const node = bare(given)
    if (node.kind === ts.SyntaxKind.TrueKeyword) return true
    if (node.kind === ts.SyntaxKind.FalseKeyword) return false
    const bound = ts.isIdentifier(node) ? names.get(this.symbolOf(node)!) : undefined
    return bound === undefined ? undefined : this.truthOf(bound.node, bound.names)
  }

  private propertyOf(
    node: ts.ElementAccessExpression | ts.PropertyAccessExpression,
    names: Names
  ): Bound | undefined {
    const wanted = ts.isPropertyAccessExpression(node)
      ? node.name.text
      : this.nameOf(node.argumentExpression, names)
    return this.inObject({ node: node.expression, names }, wanted)
  }

  private nameOf(given: ts.Expression, names: Names): string {
    const node = bare(given)
    if (ts.isStringLiteralLike(node)) return node.text
    const elsewhere = this.elsewhere(node, names)
    return elsewhere === undefined
      ? this.choices.choose(node, this.literalsOf(node))
      : this.nameOf(elsewhere.node, elsewhere.names)
  }

  /** A parameter of a function that nobody is known to have called here: what its callers give. */
  private givenBy(parameter: ts.ParameterDeclaration): Bound | undefined {
    const made = parameter.parent
    const declared = made.parent
    if (!isFunction(made) || !ts.isVariableDeclaration(declared)) return undefined
    const symbol = this.checker.getSymbolAtLocation(declared.name)
    const place = made.parameters.indexOf(parameter)
    const given = (this.calls.get(declared.name.getText()) ?? [])
      .filter(({ expression }) => this.symbolOf(expression) === symbol)
      .flatMap((call) => call.arguments.slice(place, place + 1))
    return given.length === 0
      ? undefined
      : { node: this.choices.choose(symbol!, given), names: NONE }
  }

  answerOf(node: ts.CallExpression, names: Names): Bound {
    const declaration = this.symbolOf(node.expression)?.valueDeclaration
    const bound = names.get(this.symbolOf(node.expression)!)
    const made = bound !== undefined
      ? bare(bound.node)
      : declaration !== undefined && ts.isVariableDeclaration(declaration)
      ? declaration.initializer
      : undefined
    if (made === undefined || !isFunction(made)) throw new Unknowable(node.getText())
    const given = node.arguments.map((one) => ({ node: one, names }))
    return this.bodyOf(made, given, bound?.names ?? names)
  }

  bodyOf(
    made: ts.ArrowFunction | ts.FunctionExpression,
    given: ReadonlyArray<Bound>,
    outer: Names
  ): Bound {
    const names = new Map(outer)
    made.parameters.forEach(({ name }, index) => {
      const symbol = this.checker.getSymbolAtLocation(name)
      const value = given[index]
      if (symbol !== undefined && value !== undefined) names.set(symbol, value)
    })
    if (!ts.isBlock(made.body)) return { node: made.body, names }
    const answers = returnsOf(made.body)
    if (answers.length === 0) throw new Unknowable(made.getText())
    return { node: this.choices.choose(made, answers), names }
  }

  symbolOf(node: ts.Node): ts.Symbol | undefined {
    const symbol = ts.isIdentifier(node) && ts.isShorthandPropertyAssignment(node.parent)
      ? this.checker.getShorthandAssignmentValueSymbol(node.parent)
      : this.checker.getSymbolAtLocation(node)
    return symbol !== undefined && (symbol.flags & ts.SymbolFlags.Alias) !== 0
      ? this.checker.getAliasedSymbol(symbol)
      : symbol
  }

  objectOf(given: ts.Expression, names: Names): ts.ObjectLiteralExpression {
    const node = bare(given)
    if (ts.isObjectLiteralExpression(node)) return node
    const elsewhere = this.elsewhere(node, names)
    if (elsewhere === undefined) throw new Unknowable(node.getText())
    return this.objectOf(elsewhere.node, elsewhere.names)
  }

  /** The texts that its type allows. */
  literalsOf(node: ts.Expression): ReadonlyArray<string> {
    const type = this.checker.getTypeAtLocation(node)
    const literals = (type.isUnion() ? type.types : [type]).filter((one) => one.isStringLiteral())
    if (literals.length === 0) throw new Unknowable(node.getText())
    return literals.map(({ value }) => value)
  }

  /** What the product puts where this was taken from, by the property's name: `{ payments: sql… }`. */
  keptIn(symbol: ts.Symbol | undefined): ReadonlyArray<ts.Expression> {
    const declaration = symbol?.valueDeclaration
    if (declaration === undefined || !ts.isBindingElement(declaration)) return []
    const name = (declaration.propertyName ?? declaration.name).getText()
    return (this.properties.get(name) ?? []).map(({ initializer }) => initializer)
  }
}

/** Of this function, not of those within it. */
const returnsOf = (body: ts.Block): ReadonlyArray<ts.Expression> => {
  const found: Array<ts.Expression> = []
  const visit = (node: ts.Node) => {
    if (ts.isReturnStatement(node) && node.expression !== undefined) found.push(node.expression)
    else if (!ts.isFunctionLike(node)) ts.forEachChild(node, visit)
  }
  visit(body)
  return found
}
