import { Schema } from "effect"

/** What payers pay with. */
export const MethodType = Schema.Literals(["card", "pix"])

const isMethod = Schema.is(MethodType)

/** Which of them a given rule is for: one that names none fits nothing. */
export const GivenMethods = Schema.Array(
  Schema.String.check(
    Schema.makeFilter((text: string) =>
      isMethod(text) || `must be ${MethodType.literals.join(" or ")}`
    )
  )
).check(Schema.isMinLength(1))
