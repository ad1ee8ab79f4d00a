import ts from "typescript"
import type { Sources } from "../sources.ts"
import { Choices } from "./choices.ts"
import { bare, type Bound, isFunction, Meanings, type Names, NONE, Unknowable } from "./meanings.ts"

/** A statement as it is sent: `$1` stands where `values[0]` is given. */
export interface StatementText {
  readonly text: string
  readonly values: ReadonlyArray<ts.Expression>
}

interface Written {
  readonly parts: ReadonlyArray<string | ts.Expression>
}

export const isTemplate = (node: ts.Node): node is ts.TaggedTemplateExpression =>
  ts.isTaggedTemplateExpression(node) && node.tag.getText() === "sql"

/** `sql.raw`, `sql.ref` and the others. */
const memberOfSql = (node: ts.CallExpression): string | undefined =>
  ts.isPropertyAccessExpression(node.expression) && node.expression.expression.getText() === "sql"
    ? node.expression.name.text
    : undefined

const quoted = (name: string) => name.split(".").map((part) => `"${part}"`).join(".")

/**
 * Reads `sql` templates as what they send, without running them. Where the program chooses (a condition,
 * callers that give different names) every choice is read, each as a form of its own.
 */
export class Templates {
  /** Templates that stand in another one. */
  readonly parts = new Set<ts.Node>()
  private readonly checker: ts.TypeChecker
  private readonly meanings: Meanings
  private whole: ts.Node | undefined

  constructor(sources: Sources, files: ReadonlyArray<string>) {
    this.checker = sources.checker
    this.meanings = new Meanings(sources, files)
  }

  /** Every form of a statement: of a template, or of a text. */
  formsOf(node: ts.Expression): ReadonlyArray<StatementText> {
    this.whole = node
    const forms = Choices.all((choices) => {
      this.meanings.choices = choices
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
    if (ts.isBinaryExpression(node)) return this.fragment(this.meanings.sideOf(node), names)
    if (ts.isCallExpression(node)) return this.called(node, names)
    const elsewhere = this.meanings.elsewhere(node, names)
    if (elsewhere !== undefined) return this.fragment(elsewhere.node, elsewhere.names)
    const symbol = this.meanings.symbolOf(node)
    const kept = this.meanings.keptIn(symbol).filter((value) => this.isFragment(value))
    if (kept.length === 0) throw new Unknowable(node.getText())
    return this.fragment(this.meanings.choices.choose(symbol!, kept), NONE)
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
    const answer = this.meanings.answerOf(node, names)
    return this.fragment(answer.node, answer.names)
  }

  /** What `rowsOf` makes of its columns. */
  private rows(given: ts.Expression, names: Names): Written {
    const columns = this.meanings.objectOf(given, names).properties.map((property) => {
      const value = ts.isPropertyAssignment(property) ? property.initializer : undefined
      if (value === undefined || !ts.isArrayLiteralExpression(value)) {
        throw new Unknowable(property.getText())
      }
      return `null::${this.text(value.elements[0]!, names)} as "${property.name!.getText()}"`
    })
    return { parts: [`(select ${columns.join(", ")})`] }
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
    const elsewhere = this.meanings.elsewhere(node, names)
    if (elsewhere !== undefined) return this.text(elsewhere.node, elsewhere.names)
    return this.meanings.choices.choose(node, this.meanings.literalsOf(node))
  }

  private calledText(node: ts.CallExpression, names: Names): string {
    const { expression } = node
    if (expression.getText() === "String") return this.text(node.arguments[0]!, names)
    if (ts.isPropertyAccessExpression(expression) && expression.name.text === "join") {
      const [between] = node.arguments
      return this.list(expression.expression, names)
        .map((item) => this.text(item.node, item.names)).join(this.text(between!, names))
    }
    const answer = this.meanings.answerOf(node, names)
    return this.text(answer.node, answer.names)
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
        return this.list(expression, names).map((item) => this.meanings.bodyOf(each, [item], names))
      }
    }
    if (ts.isCallExpression(node)) {
      const answer = this.meanings.answerOf(node, names)
      return this.list(answer.node, answer.names)
    }
    const elsewhere = this.meanings.elsewhere(node, names)
    if (elsewhere === undefined) throw new Unknowable(node.getText())
    return this.list(elsewhere.node, elsewhere.names)
  }
}

const sent = ({ parts }: Written): StatementText => {
  const values: Array<ts.Expression> = []
  const text = parts.map((part) => typeof part === "string" ? part : `$${values.push(part)}`)
  return { text: text.join(""), values }
}
