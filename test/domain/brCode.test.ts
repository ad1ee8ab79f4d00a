import fc from "fast-check"
import { createStaticPix, hasError, parsePix, PixElementType } from "pix-utils"
import { describe, expect, test } from "vitest"
import { crc16, dynamicBrCode, readBrCode, staticBrCode } from "../../src/domain/brCode.ts"

test("the checksum is CRC-16/CCITT-FALSE, by its published check value", () => {
  expect(crc16("123456789")).toBe("29B1")
})

test("the central bank's own example has the checksum we count", () => {
  const example = "00020126440014BR.GOV.BCB.PIX0122FULANO2019@EXAMPLE.COM5204000053039865802BR" +
    "5913FULANO DE TAL6008BRASILIA62410503***50300017BR.GOV.BCB.BRCODE01051.0.06304"
  const spaced = example.replace("@", " ")
  expect(crc16(spaced)).toBe("27E9")
})

const letters = fc.stringMatching(/^[A-Za-z ]{1,20}$/).filter((text) => text.trim() === text)
const city = fc.stringMatching(/^[A-Z]{3,15}$/)
const uuid = fc.uuid()
const cents = fc.integer({ min: 1, max: 99_999_999 })
const txid = fc.stringMatching(/^[A-Za-z0-9]{5,25}$/)

describe("against npm pix-utils", () => {
  test("a static code is read as what was put in it", () => {
    fc.assert(fc.property(letters, city, uuid, cents, txid, (name, town, key, amount, id) => {
      const code = staticBrCode({
        name,
        city: town,
        key,
        amount: (amount / 100).toFixed(2),
        txid: id
      })
      const parsed = parsePix(code)
      if (hasError(parsed) || parsed.type !== PixElementType.STATIC) throw new Error("unreadable")
      expect(parsed).toMatchObject({
        pixKey: key,
        merchantName: name,
        merchantCity: town,
        txid: id,
        transactionAmount: amount / 100
      })
    }))
  })

  test("a dynamic code leads to its location", () => {
    const location = "pix.bank.example/qr/v2/9d36b84fc70b478fb95c12729b90ca25"
    const parsed = parsePix(dynamicBrCode({ name: "LOJA", city: "RECIFE", location }))
    if (hasError(parsed) || parsed.type !== PixElementType.DYNAMIC) throw new Error("unreadable")
    expect(parsed.url).toBe(location)
  })

  test("their code is read by us, and one wrong character is found", () => {
    fc.assert(fc.property(letters, city, uuid, fc.nat(), (name, town, key, at) => {
      const made = createStaticPix({
        merchantName: name,
        merchantCity: town,
        pixKey: key,
        transactionAmount: 1
      })
      if (hasError(made)) throw new Error("not made")
      const code = made.toBRCode()
      expect(readBrCode(code)?.get("59")).toBe(name.toUpperCase())
      const place = at % (code.length - 8)
      const other = code[place] === "7" ? "3" : "7"
      expect(readBrCode(code.slice(0, place) + other + code.slice(place + 1))).toBeUndefined()
    }))
  })
})

test("accents are taken off: not every reader knows them", () => {
  const code = staticBrCode({ name: "Padaria São João", city: "São Paulo", key: "k" })
  expect(readBrCode(code)?.get("59")).toBe("Padaria Sao Joao")
  expect(readBrCode(code)?.get("60")).toBe("Sao Paulo")
})
