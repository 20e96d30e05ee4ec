// SPDX-License-Identifier: GPL-3.0-or-later
// A credential: what an issuer certifies about a document and the face on it, signed with EdDSA-Poseidon. The holder's wallet keeps it.
// circuits/lib/identity.circom computes the same hashes.
import { createHash, randomBytes } from 'node:crypto'
import {
  type BabyPoint,
  type EddsaSignature,
  eddsaPublicKey,
  eddsaSign,
  isEddsaKey,
  isEddsaSignature,
  packSegments,
  poseidon,
  poseidonChain,
  randomSalt,
  SCALAR_FIELD,
} from '../../zkml/index.ts'
import { requireCountry } from './countries.ts'
import { IdentityError } from './errors.ts'
import { EMBEDDING } from './model.ts'

/** Numbers of the ASCII of the domain's name. */
const CREDENTIAL_DOMAIN = domain('cohort/credential/1')
const TEMPLATE_DOMAIN = domain('cohort/template/1')
const CAPTURE_DOMAIN = domain('cohort/capture/1')

/** Bytes of a document's key and of a credential's id: values of lists. */
const VALUE_BYTES = 31
const TEMPLATE_BITS = 8

export type CredentialFields = {
  /** Poseidon of the holder's secret. */
  readonly holder: bigint
  /** `documentKey` of the document. */
  readonly document: bigint
  /** yyyymmdd. */
  readonly born: number
  /** ISO 3166-1 numeric. */
  readonly country: number
  /** yyyymmdd: the last day on which the credential is valid. */
  readonly expires: number
  /** The face on the document: -128 … 127 each. */
  readonly face: readonly number[]
  /** The public key of the holder's camera. */
  readonly camera: BabyPoint
}

export type Credential = CredentialFields & {
  /** Drawn by the issuer. A list of revocations contains it if the credential is revoked. */
  readonly id: bigint
  readonly faceSalt: bigint
  readonly issuer: BabyPoint
  readonly signature: EddsaSignature
}

/** A picture, with a camera's signature that it was taken for a context. */
export type Capture = {
  readonly pixels: readonly number[]
  readonly salt: bigint
  readonly context: bigint
  readonly camera: BabyPoint
  readonly signature: EddsaSignature
}

/** The value that stands for a document in a credential and in lists of documents: 31 bytes of SHA-256 over country and number. */
export function documentKey(country: number, number: string): bigint {
  const plain = number.toUpperCase().replaceAll(/[\s-]/g, '')
  if (!/^[0-9A-Z]{1,32}$/.test(plain)) {
    throw new IdentityError('bad-input', `document '${number}': 1 to 32 letters and digits are needed`)
  }
  const text = `cohort/document/1:${String(requireCountry(country)).padStart(3, '0')}:${plain}`
  return listValue(createHash('sha256').update(text).digest())
}

/** The value that an issuer gets of the holder's secret. */
export function holderOf(secret: bigint): bigint {
  return poseidon([secret])
}

/** The nullifier of a secret at an application: the same in every proof for that application, unrelated elsewhere. */
export function nullifierOf(secret: bigint, application: bigint): bigint {
  return poseidon([secret, application])
}

/** Elements of a template as the circuit takes them. */
export function faceOffsets(face: readonly number[]): bigint[] {
  return face.map((value) => BigInt(value + 2 ** (TEMPLATE_BITS - 1)))
}

function credentialMessage(credential: CredentialFields & Pick<Credential, 'id' | 'faceSalt'>): bigint {
  const { id, holder, document, born, country, expires, face, faceSalt, camera } = credential
  const packed = packSegments([{ values: face, bits: TEMPLATE_BITS, min: -(2 ** (TEMPLATE_BITS - 1)) }])
  const commitment = poseidonChain(TEMPLATE_DOMAIN, [faceSalt, ...packed])
  const dates = [BigInt(born), BigInt(country), BigInt(expires)]
  return poseidon([CREDENTIAL_DOMAIN, id, holder, document, ...dates, commitment, ...camera])
}

/**
 * Signs a credential under a fresh id and salt.
 * @param seed 32 secret bytes of the issuer's key
 * @throws IdentityError bad-input naming the field
 */
export function issueCredential(seed: Uint8Array, fields: CredentialFields): Credential {
  requireFields(fields)
  const unsigned = { ...fields, id: listValue(randomBytes(VALUE_BYTES)), faceSalt: randomSalt() }
  const signature = eddsaSign(seed, credentialMessage(unsigned))
  return { ...unsigned, issuer: eddsaPublicKey(seed), signature }
}

/** Whether the issuer that it names signed it. */
export function isIssued(credential: Credential): boolean {
  return isEddsaSignature(credential.issuer, credentialMessage(credential), credential.signature)
}

function captureMessage(picture: bigint, context: bigint): bigint {
  return poseidon([CAPTURE_DOMAIN, picture, context])
}

/** What a camera signs: @param commitPicture commits to the pixels as the circuit does */
export function signCapture(
  seed: Uint8Array,
  pixels: ArrayLike<number>,
  context: bigint,
  commitPicture: (pixels: ArrayLike<number>, salt: bigint) => bigint,
): Capture {
  const salt = randomSalt()
  const signature = eddsaSign(seed, captureMessage(commitPicture(pixels, salt), context))
  return { pixels: Array.from(pixels), salt, context, camera: eddsaPublicKey(seed), signature }
}

export function isTaken(
  { pixels, salt, context, camera, signature }: Capture,
  commitPicture: (pixels: ArrayLike<number>, salt: bigint) => bigint,
): boolean {
  return isEddsaSignature(camera, captureMessage(commitPicture(pixels, salt), context), signature)
}

function requireFields({ holder, document, born, country, expires, face, camera }: CredentialFields): void {
  const bad = (what: string): never => {
    throw new IdentityError('bad-input', what)
  }
  if (holder < 0n || holder >= SCALAR_FIELD) bad(`holder ${holder} is not below the order of the field`)
  if (document < 1n || document >= 1n << 248n) bad(`document ${document} is not a value of 31 bytes`)
  for (const [name, date] of Object.entries({ born, expires })) {
    if (!Number.isInteger(date) || date < 1000_01_01 || date > 9999_12_31) bad(`${name} ${date} is not a date yyyymmdd`)
  }
  requireCountry(country)
  if (face.length === 0 || face.some((value) => !Number.isInteger(value) || value < -128 || value > 127)) {
    bad(
      `face: ${face.length} elements, whole numbers from -128 to 127 are needed; a network of ${EMBEDDING} makes them`,
    )
  }
  if (!isEddsaKey(camera)) bad('camera: not a public key of Baby Jubjub')
}

/** 31 bytes as a number. 0, which no list can hold, is as unlikely as any other value. */
function listValue(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes.subarray(0, VALUE_BYTES)).toString('hex')}`)
}

function domain(text: string): bigint {
  return BigInt(`0x${Buffer.from(text, 'ascii').toString('hex')}`)
}
