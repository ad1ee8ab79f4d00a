import ipaddr from "ipaddr.js"

/** Whether it names a range of addresses: `192.0.2.0/24`, or one address. */
export const canBeRange = (text: string): boolean =>
  text.includes("/") ? ipaddr.isValidCIDR(text) : ipaddr.isValid(text)

const rangeOf = (text: string): [ipaddr.IPv4 | ipaddr.IPv6, number] => {
  if (text.includes("/")) return ipaddr.parseCIDR(text)
  const address = ipaddr.parse(text)
  return [address, address.kind() === "ipv4" ? 32 : 128]
}

/** Whether an address lies in one of the ranges. An IPv4 address in an IPv6 socket is what it is. */
export const isWithin = (address: string | undefined, ranges: ReadonlyArray<string>): boolean => {
  if (address === undefined || !ipaddr.isValid(address)) return false
  const seen = ipaddr.process(address)
  return ranges.some((text) => {
    const [range, bits] = rangeOf(text)
    return range.kind() === seen.kind() && seen.match(range, bits)
  })
}
