/**
 * The BR Code of Pix: the EMV merchant-presented QR code as Banco Central profiles it ("Manual do BR
 * Code"). Fields are tag, length in two digits and value; the last is a checksum over everything.
 */
const PIX = "BR.GOV.BCB.PIX"
const BRL = "986"
const CATEGORY_UNKNOWN = "0000"
const NAME_CHARACTERS_MAX = 25
const CITY_CHARACTERS_MAX = 15
/** Stands for "no transaction id" in static codes. */
const NO_TXID = "***"

interface Receiver {
  readonly name: string
  readonly city: string
}

/** CRC-16/CCITT-FALSE: polynomial 0x1021 from 0xFFFF, as four hexadecimal digits. */
export const crc16 = (text: string): string => {
  let crc = 0xffff
  for (const byte of new TextEncoder().encode(text)) {
    crc ^= byte << 8
    for (let bit = 0; bit < 8; bit++) {
      crc = (crc & 0x8000) === 0 ? (crc << 1) & 0xffff : ((crc << 1) ^ 0x1021) & 0xffff
    }
  }
  return crc.toString(16).toUpperCase().padStart(4, "0")
}

const field = (tag: string, value: string): string => {
  if (value.length > 99) throw new RangeError(`field ${tag} has at most 99 characters`)
  return `${tag}${String(value.length).padStart(2, "0")}${value}`
}

/** Letters every reader knows: accents are taken off, the rest is left out. */
const plain = (text: string, charactersMax: number): string =>
  text.normalize("NFD").replaceAll(/[^\x20-\x7e]/g, "").slice(0, charactersMax)

const assembled = (
  account: string,
  initiation: string,
  { city, name }: Receiver,
  amount: string | undefined,
  txid: string
): string => {
  const code = field("00", "01") + initiation + field("26", field("00", PIX) + account) +
    field("52", CATEGORY_UNKNOWN) + field("53", BRL) +
    (amount === undefined ? "" : field("54", amount)) + field("58", "BR") +
    field("59", plain(name, NAME_CHARACTERS_MAX)) + field("60", plain(city, CITY_CHARACTERS_MAX)) +
    field("62", field("05", txid)) + "6304"
  return code + crc16(code)
}

/** Of one key, to be paid any number of times; with an amount ("10.00") or without. */
export const staticBrCode = (
  receiver: Receiver & {
    readonly key: string
    readonly amount?: string
    readonly txid?: string
    readonly description?: string
  }
): string =>
  assembled(
    field("01", receiver.key) +
      (receiver.description === undefined ? "" : field("02", plain(receiver.description, 72))),
    "",
    receiver,
    receiver.amount,
    receiver.txid ?? NO_TXID
  )

/** Of one charge, to be paid once: the payer's bank reads it at the location (host and path only). */
export const dynamicBrCode = (receiver: Receiver & { readonly location: string }): string =>
  assembled(
    field("25", receiver.location.replace(/^https?:\/\//, "")),
    field("01", "12"),
    receiver,
    undefined,
    NO_TXID
  )

/** The fields of a code by tag; undefined where it is not one, or its checksum is wrong. */
export const readBrCode = (code: string): ReadonlyMap<string, string> | undefined => {
  if (code.slice(-8, -4) !== "6304" || crc16(code.slice(0, -4)) !== code.slice(-4)) return undefined
  const fields = new Map<string, string>()
  for (let at = 0; at < code.length;) {
    const length = Number(code.slice(at + 2, at + 4))
    if (!Number.isInteger(length) || at + 4 + length > code.length) return undefined
    fields.set(code.slice(at, at + 2), code.slice(at + 4, at + 4 + length))
    at += 4 + length
  }
  return fields
}
