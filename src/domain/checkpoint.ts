import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  hash,
  type KeyObject,
  sign,
  verify
} from "node:crypto"
import type { Hash } from "./merkle.ts"

/**
 * Signed checkpoints as other transparency logs write them, so that their software reads ours:
 * C2SP tlog-checkpoint (origin, size, root), signed as C2SP signed-note with Ed25519.
 */
export interface Checkpoint {
  readonly origin: string
  readonly size: number
  readonly root: Hash
  /** RFC 3339; an extension line of ours. */
  readonly time: string
}

/** A key that signs checkpoints under a name. */
export interface Signer {
  readonly name: string
  readonly privateKey: KeyObject
}

/** What a verifier has to know: `name+id+base64(type, public key)`. */
export interface Verifier {
  readonly name: string
  readonly id: Buffer
  readonly publicKey: KeyObject
}

const ED25519 = 1
const ID_BYTES = 4
const KEY_BYTES = 32
/** What stands before the 32 bytes of an Ed25519 key in its DER form (RFC 8410). */
const SPKI_PREFIX = Buffer.from("302a300506032b6570032100", "hex")

const rawKey = (key: KeyObject): Buffer =>
  createPublicKey(key).export({ type: "spki", format: "der" }).subarray(-KEY_BYTES)

const typed = (raw: Buffer): Buffer => Buffer.concat([Buffer.of(ED25519), raw])

const keyId = (name: string, raw: Buffer): Buffer =>
  Buffer.from(hash("sha256", Buffer.concat([Buffer.from(`${name}\n`), typed(raw)]), "hex"), "hex")
    .subarray(0, ID_BYTES)

/** A new private key in PEM. Whoever holds it can sign a false tree: it never leaves its file. */
export const newSigningKey = (): string =>
  generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" }).toString()

/** The name of a log follows from its key, so that two installations never share one. */
export const signerOf = (pem: string): Signer => {
  const privateKey = createPrivateKey(pem)
  const name = `lastro-${hash("sha256", rawKey(privateKey), "hex").slice(0, 16)}`
  return { name, privateKey }
}

export const verifierKey = ({ name, privateKey }: Signer): string => {
  const raw = rawKey(privateKey)
  return `${name}+${keyId(name, raw).toString("hex")}+${typed(raw).toString("base64")}`
}

/** Undefined for what is no Ed25519 verifier key, or one whose id does not follow from its parts. */
export const parseVerifierKey = (text: string): Verifier | undefined => {
  const match = /^([^\s+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+=*)$/.exec(text.trim())
  if (match === null) return undefined
  const bytes = Buffer.from(match[3]!, "base64")
  const name = match[1]!
  const raw = bytes.subarray(1)
  if (bytes[0] !== ED25519 || raw.length !== KEY_BYTES) return undefined
  const id = keyId(name, raw)
  if (id.toString("hex") !== match[2]) return undefined
  const publicKey = createPublicKey({
    key: Buffer.concat([SPKI_PREFIX, raw]),
    format: "der",
    type: "spki"
  })
  return { name, id, publicKey }
}

export const signCheckpoint = (
  signer: Signer,
  { root, size, time }: Omit<Checkpoint, "origin">
): string => {
  const text = `${signer.name}\n${size}\n${Buffer.from(root).toString("base64")}\n${time}\n`
  const signature = sign(null, Buffer.from(text), signer.privateKey)
  const id = keyId(signer.name, rawKey(signer.privateKey))
  return `${text}\n— ${signer.name} ${Buffer.concat([id, signature]).toString("base64")}\n`
}

/** When it says it was signed, whoever signed it. */
export const checkpointTime = (note: string): string | null => {
  const time = note.split("\n")[3] ?? ""
  return Number.isNaN(Date.parse(time)) ? null : time
}

/** The checkpoint, where one of the signatures below it is the verifier's and holds. */
export const openCheckpoint = (verifier: Verifier, note: string): Checkpoint | undefined => {
  const end = note.lastIndexOf("\n\n")
  if (end < 0) return undefined
  const text = note.slice(0, end + 1)
  const signed = note.slice(end + 2).split("\n").some((line) => {
    const match = /^— (\S+) ([A-Za-z0-9+/]+=*)$/.exec(line)
    if (match === null || match[1] !== verifier.name) return false
    const bytes = Buffer.from(match[2]!, "base64")
    return bytes.subarray(0, ID_BYTES).equals(verifier.id) &&
      verify(null, Buffer.from(text), verifier.publicKey, bytes.subarray(ID_BYTES))
  })
  const [origin, size, root, time] = text.split("\n")
  if (!signed || origin !== verifier.name || !/^(0|[1-9]\d{0,15})$/.test(size ?? "")) {
    return undefined
  }
  return { origin, size: Number(size), root: Buffer.from(root ?? "", "base64"), time: time ?? "" }
}
