import fc from "fast-check"
import { expect, test } from "vitest"
import { isCnpj, isCpf } from "../../src/domain/taxId.ts"

test.each([
  ["12345678909", "CPF"],
  ["52998224725", "CPF"],
  ["11222333000181", "CNPJ"],
  ["00000000000191", "CNPJ"],
  // Receita Federal's own example of one with letters.
  ["12ABC34501DE35", "CNPJ"]
])("%s is a %s", (text, kind) => {
  expect([isCpf(text), isCnpj(text)]).toEqual([kind === "CPF", kind === "CNPJ"])
})

test.each([
  ["12345678901", "wrong check digits"],
  ["12345678990", "check digits in the other order"],
  ["11111111111", "one digit only"],
  ["00000000000", "zeros"],
  ["00000000000000", "zeros"],
  ["11222333000182", "a wrong check digit"],
  ["12ABC34501DE53", "check digits in the other order"],
  ["12abc34501de35", "small letters"],
  ["12ABC34501DEA5", "a letter as check digit"],
  ["123.456.789-09", "punctuation"],
  ["11.222.333/0001-81", "punctuation"],
  [" 12345678909", "a space"],
  ["1234567890", "too short"],
  ["112223330001811", "too long"],
  ["12345678909\n", "a line break"],
  ["１２３４５６７８９０９", "digits of another script"],
  ["", "nothing"]
])("%j is none: %s", (text) => {
  expect([isCpf(text), isCnpj(text)]).toEqual([false, false])
})

/** Two check digits in 0 to 99 for any beginning. */
const endings = Array.from({ length: 100 }, (_, ending) => String(ending).padStart(2, "0"))

test("every beginning has one pair of check digits", () => {
  const differs = (text: string) => new Set(text).size > 1
  fc.assert(fc.property(fc.stringMatching(/^\d{9}$/).filter(differs), (base) => {
    expect(endings.filter((ending) => isCpf(base + ending))).toHaveLength(1)
  }))
  fc.assert(fc.property(fc.stringMatching(/^[0-9A-Z]{12}$/).filter(differs), (base) => {
    expect(endings.filter((ending) => isCnpj(base + ending))).toHaveLength(1)
  }))
})
