import ts from "typescript"
import { nodesOf, type Sources } from "../sources.ts"
import { Choices } from "./choices.ts"

/** A statement as it is sent: `$1` stands where `values[0]` is given. */
export interface StatementText {
  readonly text: string
  readonly values: ReadonlyArray<ts.Expression>
}

/** What of a statement is known only when it runs. */
export class Unknowable extends Error {}

interface Written {
  readonly parts: ReadonlyArray<string | ts.Expression>
}

/** Where a name gets its meaning: an expression, and what the names in it mean. */
interface Bound {
  readonly node: ts.Expression
  readonly names: Names
}
type Names = ReadonlyMap<ts.Symbol, Bound>

const NONE: Names = new Map()

const bare = (node: ts.Expression): ts.Expression =>
  ts.isParenthesizedExpression(node) || ts.isAsExpression(node) || ts.isNonNullExpression(node) ||
    ts.isSatisfiesExpression(node)
    ? bare(node.expression)
    : node

export const isTemplate = (node: ts.Node): node is ts.TaggedTemplateExpression =>
  ts.isTaggedTemplateExpression(node) && node.tag.getText() === "sql"

/** `sql.raw`, `sql.ref` and the others. */
const memberOfSql = (node: ts.CallExpression): string | undefined =>
  ts.isPropertyAccessExpression(node.expression) && node.expression.expression.getText() === "sql"
    ? node.expression.name.text
    : undefined

const isFunction = (node: ts.Node): node is ts.ArrowFunction | ts.FunctionExpression =>
  ts.isArrowFunction(node) || ts.isFunctionExpression(node)

const quoted = (name: string) => name.split(".").map((part) => `"${part}"`).join(".")

/**
 * Reads `sql` templates as what they send, without running them. Where the program chooses (a condition,
 * callers that give different names) every choice is read, each as a form of its own.
 */
export class Templates {
  /** Templates that stand in another one. */
  readonly parts = new Set<ts.Node>()
  private readonly checker: ts.TypeChecker
  private readonly calls: ReadonlyMap<string, ReadonlyArray<ts.CallExpression>>
  private readonly properties: ReadonlyMap<string, ReadonlyArray<ts.PropertyAssignment>>
  private whole: ts.Node | undefined
  private choices = new Choices()

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

  /** Every form of a statement: of a template, or of a text. */
  formsOf(node: ts.Expression): ReadonlyArray<StatementText> {
    this.whole = node
    const forms = Choices.all((choices) => {
      this.choices = choices
      return sent(
        this.isFragment(node) ? this.fragment(node, NONE) : { parts: [this.text(node, NONE)] }
      )
    })
    return [...new Map(forms.map((form) => [form.text, form])).values()]
  }

  private isFragment(node: ts.Expression): boolean {
    const type = this.checker.getNonNullableType(this.checker.getTypeAtLocation(node))
    return (type.isUnion() ? type.types : [type]).some((one) =>
      this.checker.getPropertyOfType(one, "toOperationNode") !== undefined
    )
  }

  private fragment(given: ts.Expression, names: Names): Written {
    const node = bare(given)
    if (isTemplate(node)) return this.template(node, names)
    if (ts.isBinaryExpression(node)) return this.fragment(this.sideOf(node), names)
    if (ts.isCallExpression(node)) return this.called(node, names)
    const elsewhere = this.elsewhere(node, names)
    if (elsewhere !== undefined) return this.fragment(elsewhere.node, elsewhere.names)
    const symbol = this.symbolOf(node)
    const kept = this.keptIn(symbol)
    if (kept.length === 0) throw new Unknowable(node.getText())
    return this.fragment(this.choices.choose(symbol!, kept), NONE)
  }

  /** What the product puts where this was taken from, by the property's name: `{ payments: sql… }`. */
  private keptIn(symbol: ts.Symbol | undefined): ReadonlyArray<ts.Expression> {
    const declaration = symbol?.valueDeclaration
    if (declaration === undefined || !ts.isBindingElement(declaration)) return []
    const name = (declaration.propertyName ?? declaration.name).getText()
    return (this.properties.get(name) ?? []).map(({ initializer }) => initializer)
      .filter((value) => this.isFragment(value))
  }

  private template(node: ts.TaggedTemplateExpression, names: Names): Written {
    const { template } = node
    if (node !== this.whole) this.parts.add(node)
    if (ts.isNoSubstitutionTemplateLiteral(template)) return { parts: [template.text] }
    return {
      parts: template.templateSpans.reduce<ReadonlyArray<string | ts.Expression>>(
        (parts, { expression, literal }) => [
          ...parts,
          ...this.isFragment(expression) ? this.fragment(expression, names).parts : [expression],
          literal.text
        ],
        [template.head.text]
      )
    }
  }

  private called(node: ts.CallExpression, names: Names): Written {
    const [first, second] = node.arguments
    const member = memberOfSql(node)
    if (member === "raw") return { parts: [this.text(first!, names)] }
    if (member === "ref" || member === "table" || member === "id") {
      return { parts: [node.arguments.map((one) => quoted(this.text(one, names))).join(".")] }
    }
    if (member === "lit") {
      const text = this.text(first!, names)
      return { parts: [/^\d+$/.test(text) ? text : `'${text}'`] }
    }
    if (member === "join") {
      const between = second === undefined ? [", "] : this.fragment(second, names).parts
      return {
        parts: this.list(first!, names).flatMap((item, index) => [
          ...index === 0 ? [] : between,
          ...this.isFragment(item.node) ? this.fragment(item.node, item.names).parts : [item.node]
        ])
      }
    }
    if (node.expression.getText() === "rowsOf") return this.rows(second!, names)
    const answer = this.answerOf(node, names)
    return this.fragment(answer.node, answer.names)
  }

  /** What `rowsOf` makes of its columns. */
  private rows(given: ts.Expression, names: Names): Written {
    const columns = this.objectOf(given, names).properties.map((property) => {
      const value = ts.isPropertyAssignment(property) ? property.initializer : undefined
      if (value === undefined || !ts.isArrayLiteralExpression(value)) {
        throw new Unknowable(property.getText())
      }
      return `null::${this.text(value.elements[0]!, names)} as "${property.name!.getText()}"`
    })
    return { parts: [`(select ${columns.join(", ")})`] }
  }

  private objectOf(given: ts.Expression, names: Names): ts.ObjectLiteralExpression {
    const node = bare(given)
    if (ts.isObjectLiteralExpression(node)) return node
    const elsewhere = this.elsewhere(node, names)
    if (elsewhere === undefined) throw new Unknowable(node.getText())
    return this.objectOf(elsewhere.node, elsewhere.names)
  }

  /** A text that becomes part of the statement itself. */
  private text(given: ts.Expression, names: Names): string {
    const node = bare(given)
    if (ts.isStringLiteralLike(node) || ts.isNumericLiteral(node)) return node.text
    if (node.kind === ts.SyntaxKind.TrueKeyword) return "true"
    if (node.kind === ts.SyntaxKind.FalseKeyword) return "false"
    if (ts.isTemplateExpression(node)) {
      return node.head.text +
        node.templateSpans.map(({ expression, literal }) =>
          this.text(expression, names) + literal.text
        ).join("")
    }
    if (ts.isBinaryExpression(node) && node.operatorToken.kind === ts.SyntaxKind.PlusToken) {
      return this.text(node.left, names) + this.text(node.right, names)
    }
    if (ts.isIdentifier(node) && ts.isPropertyAssignment(node.parent)) {
      if (node.parent.name === node) return node.text
    }
    if (ts.isCallExpression(node)) return this.calledText(node, names)
    const elsewhere = this.elsewhere(node, names)
    if (elsewhere !== undefined) return this.text(elsewhere.node, elsewhere.names)
    return this.choices.choose(node, this.literalsOf(node))
  }

  private calledText(node: ts.CallExpression, names: Names): string {
    const { expression } = node
    if (expression.getText() === "String") return this.text(node.arguments[0]!, names)
    if (ts.isPropertyAccessExpression(expression) && expression.name.text === "join") {
      const [between] = node.arguments
      return this.list(expression.expression, names)
        .map((item) => this.text(item.node, item.names)).join(this.text(between!, names))
    }
    const answer = this.answerOf(node, names)
    return this.text(answer.node, answer.names)
  }

  /** The texts that its type allows. */
  private literalsOf(node: ts.Expression): ReadonlyArray<string> {
    const type = this.checker.getTypeAtLocation(node)
    const literals = (type.isUnion() ? type.types : [type]).filter((one) => one.isStringLiteral())
    if (literals.length === 0) throw new Unknowable(node.getText())
    return literals.map(({ value }) => value)
  }

  private list(given: ts.Expression, names: Names): ReadonlyArray<Bound> {
    const node = bare(given)
    if (ts.isArrayLiteralExpression(node)) {
      return node.elements.flatMap((one) =>
        ts.isSpreadElement(one) ? this.list(one.expression, names) : [{ node: one, names }]
      )
    }
    if (ts.isCallExpression(node) && ts.isPropertyAccessExpression(node.expression)) {
      const { expression, name } = node.expression
      if (name.text === "filter") return this.list(expression, names)
      const [each] = node.arguments
      if (name.text === "map" && each !== undefined && isFunction(each)) {
        return this.list(expression, names).map((item) => this.bodyOf(each, [item], names))
      }
    }
    if (ts.isCallExpression(node)) {
      const answer = this.answerOf(node, names)
      return this.list(answer.node, answer.names)
    }
    const elsewhere = this.elsewhere(node, names)
    if (elsewhere === undefined) throw new Unknowable(node.getText())
    return this.list(elsewhere.node, elsewhere.names)
  }

  private sideOf(node: ts.BinaryExpression): ts.Expression {
    if (node.operatorToken.kind === ts.SyntaxKind.AmpersandAmpersandToken) return node.right
    return this.choices.choose(node, [node.left, node.right])
  }

  /** What a name, a condition or a property stands for. */
  private elsewhere(node: ts.Expression, names: Names): Bound | undefined {
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
    if (ts.isBindingElement(declaration)) return this.entryOf(declaration, names)
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
    const holder = this.elsewhere(bare(node.expression), names)
    const object = holder && bare(holder.node)
    if (object === undefined || !ts.isObjectLiteralExpression(object)) return undefined
    const wanted = ts.isPropertyAccessExpression(node)
      ? node.name.text
      : this.text(node.argumentExpression, names)
    const found = object.properties.filter(ts.isPropertyAssignment)
      .find(({ name }) => name.getText() === wanted)
    return found && { node: found.initializer, names: holder!.names }
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

  private answerOf(node: ts.CallExpression, names: Names): Bound {
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

  private bodyOf(
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

  private symbolOf(node: ts.Node): ts.Symbol | undefined {
    const symbol = ts.isIdentifier(node) && ts.isShorthandPropertyAssignment(node.parent)
      ? this.checker.getShorthandAssignmentValueSymbol(node.parent)
      : this.checker.getSymbolAtLocation(node)
    return symbol !== undefined && (symbol.flags & ts.SymbolFlags.Alias) !== 0
      ? this.checker.getAliasedSymbol(symbol)
      : symbol
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

const sent = ({ parts }: Written): StatementText => {
  const values: Array<ts.Expression> = []
  const text = parts.map((part) => typeof part === "string" ? part : `$${values.push(part)}`)
  return { text: text.join(""), values }
}
