import { describe, expect, test } from "vitest"
import { formatMoney, localeOf, render } from "../../actors/messaging/render.ts"
import { type Locale, rules, type TemplateName, templates } from "../../actors/messaging/rules.ts"

const locales: ReadonlyArray<Locale> = ["pt-BR", "en"]
const names = Object.keys(templates) as ReadonlyArray<TemplateName>
const each = names.flatMap((name) => locales.map((locale) => [name, locale] as const))

/** Everything a notification is filled with; no value is a part of another or of a template. */
const values = {
  amount: "R$ 1.234,56",
  merchant: "Casa Verde",
  reference: "order-1001",
  payment: "pay_42",
  url: "https://bank.example/3ds"
}
const PLACEHOLDER = /\{(\w+)\}/g
const placeholdersOf = (pattern: string) =>
  [...pattern.matchAll(PLACEHOLDER)].map(([, name]) => name as keyof typeof values)

describe.each(each)("template %s in %s", (name, locale) => {
  const template = templates[name][locale]

  test("has every placeholder filled, and keeps every word around them", () => {
    const written = render(name, locale, values)
    for (const part of ["subject", "text"] as const) {
      const between = template[part].split(/\{\w+\}/)
      const expected = between.map((words, index) =>
        words + (values[placeholdersOf(template[part])[index]!] ?? "")
      ).join("")
      expect(written[part]).toBe(expected)
      expect(written[part]).not.toMatch(/[{}]|undefined/)
    }
  })

  test("says the amount and who it is to", () => {
    expect(placeholdersOf(template.subject)).toContain("amount")
    expect(placeholdersOf(template.text)).toEqual(expect.arrayContaining(["amount", "merchant"]))
    expect(template.subject).not.toContain("\n")
    expect(template.text.endsWith("\n")).toBe(true)
  })

  test("keeps a value that spans lines on one", () => {
    const forged = "order\r\nBcc: all@example.com\n\n\tSend us money"
    const evil = Object.fromEntries(Object.keys(values).map((key) => [key, forged]))
    const { subject, text } = render(name, locale, evil)
    expect(subject).not.toMatch(/[\r\n]/)
    expect(subject).toContain("order Bcc: all@example.com Send us money")
    expect(text.split("\n")).toHaveLength(template.text.split("\n").length)
    expect(text).not.toMatch(/[\r\t]/)
  })

  test("is refused without a value", () => {
    for (const missing of new Set(placeholdersOf(template.subject + template.text))) {
      const { [missing]: _, ...others } = values
      expect(() => render(name, locale, others)).toThrow(`template ${name} knows no ${missing}`)
    }
  })
})

test("a value that looks like a placeholder or like a replacement stays as it is", () => {
  const { text } = render("receipt", "en", { ...values, reference: "{payment} $& $1" })
  expect(text).toContain("Order: {payment} $& $1\n")
})

test("both languages of a template say the same things", () => {
  for (const name of names) {
    const [portuguese, english] = locales.map((locale) =>
      placeholdersOf(templates[name][locale].text).sort()
    )
    expect(portuguese, name).toEqual(english)
  }
})

test("every template is written by a rule", () => {
  expect(rules.map(({ template }) => template).sort()).toEqual([...names].sort())
})

test("an unknown locale is written to in the fallback's", () => {
  for (const unknown of [undefined, "", "fr", "pt", "EN", "toString"]) {
    expect(localeOf(unknown, "pt-BR")).toBe("pt-BR")
    expect(localeOf(unknown, "en")).toBe("en")
  }
  expect(localeOf("en", "pt-BR")).toBe("en")
  expect(localeOf("pt-BR", "en")).toBe("pt-BR")
})

test.each<readonly [what: string, minorUnits: bigint, currency: string, pt: string, en: string]>([
  ["a symbol", 123_456n, "BRL", "R$ 1.234,56", "R$ 1,234.56"],
  ["a symbol of two letters", 100n, "USD", "US$ 1,00", "US$ 1.00"],
  ["a symbol of one", 99n, "EUR", "€ 0,99", "€ 0.99"],
  ["no symbol", 1_000_000_00n, "GBP", "GBP 1.000.000,00", "GBP 1,000,000.00"],
  ["no decimals", 1_234_567n, "JPY", "JPY 1.234.567", "JPY 1,234,567"],
  ["no decimals and little", 7n, "CLP", "CLP 7", "CLP 7"],
  ["three decimals", 1_234_567n, "KWD", "KWD 1.234,567", "KWD 1,234.567"],
  ["three decimals and less than one", 5n, "BHD", "BHD 0,005", "BHD 0.005"],
  ["four decimals", 12_345n, "CLF", "CLF 1,2345", "CLF 1.2345"],
  ["nothing", 0n, "BRL", "R$ 0,00", "R$ 0.00"],
  ["exactly a thousand", 100_000n, "BRL", "R$ 1.000,00", "R$ 1,000.00"],
  ["less than nothing", -123_456n, "BRL", "R$ -1.234,56", "R$ -1,234.56"],
  [
    "more than a double holds",
    900_719_925_474_099_301n,
    "BRL",
    "R$ 9.007.199.254.740.993,01",
    "R$ 9,007,199,254,740,993.01"
  ]
])("money with %s: %s %s is %s and %s", (_what, minorUnits, currency, portuguese, english) => {
  expect(formatMoney(minorUnits, currency, "pt-BR")).toBe(portuguese)
  expect(formatMoney(minorUnits, currency, "en")).toBe(english)
})
