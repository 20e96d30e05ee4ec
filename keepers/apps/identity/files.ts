// SPDX-License-Identifier: GPL-3.0-or-later
// The JSON files that issuer, camera, wallet and keeper of a list exchange. Every field is checked when a file is read.
import { z } from 'zod'
import {
  type Proof as AnyProof,
  type BabyPoint,
  isEddsaKey,
  parseProof,
  proofToJson,
  SCALAR_FIELD,
} from '../../zkml/index.ts'
import { parseJson } from '../../zkml/json.ts'
import type { Capture, Credential } from './credential.ts'
import { isIssued } from './credential.ts'
import { IdentityError } from './errors.ts'
import { BRIGHTEST, FACE_PIXELS } from './faces.ts'
import type { GateStatement } from './gate-client.ts'
import { EMBEDDING } from './model.ts'

/** A proof of plain Groth16. */
type Proof = Exclude<AnyProof, { readonly commitment: unknown }>

const field = z
  .string()
  .regex(/^0x[0-9a-f]{1,64}$/, '0x and hexadecimal digits')
  .transform((text) => BigInt(text))
  .refine((value) => value < SCALAR_FIELD, 'below the order of the field')
const value = field.refine((found) => found >= 1n && found < 1n << 248n, 'a value of 31 bytes, not 0')
const point = z.tuple([field, field]).refine((found) => isEddsaKey(found), 'a public key of Baby Jubjub')
const signature = z.strictObject({ R: z.tuple([field, field]), S: field })
const date = z.int().min(1000_01_01).max(9999_12_31)

const credentialSchema = z.strictObject({
  format: z.literal('cohort-credential'),
  version: z.literal(1),
  id: value,
  holder: field,
  document: value,
  born: date,
  country: z.int().min(1).max(999),
  expires: date,
  face: z.array(z.int().min(-128).max(127)).length(EMBEDDING),
  faceSalt: field,
  camera: point,
  issuer: point,
  signature,
})

const pixels = z.array(z.int().min(0).max(BRIGHTEST)).length(FACE_PIXELS)

const captureSchema = z.strictObject({
  format: z.literal('cohort-capture'),
  version: z.literal(1),
  pixels,
  salt: field,
  context: field,
  camera: point,
  signature,
})

const pictureSchema = z.strictObject({ format: z.literal('cohort-picture'), version: z.literal(1), pixels })

const walletSchema = z.strictObject({
  format: z.literal('cohort-wallet'),
  version: z.literal(1),
  secret: field.refine((secret) => secret >= 1n << 128n, 'a secret of 248 random bits'),
})

/** @throws IdentityError bad-input naming file and field, also for a credential without a valid signature */
export const readCredential = (text: string, name = 'credential'): Credential => {
  const { format: _f, version: _v, ...credential } = parsed(credentialSchema, text, name)
  if (!isIssued(credential)) {
    throw new IdentityError('bad-input', `${name}: signature is not the issuer's; ask for the credential again`)
  }
  return credential
}

export const readCapture = (text: string, name = 'capture'): Capture => {
  const { format: _f, version: _v, ...capture } = parsed(captureSchema, text, name)
  return capture
}

export const readPicture = (text: string, name = 'picture'): number[] => parsed(pictureSchema, text, name).pixels

export const readWallet = (text: string, name = 'wallet'): bigint => parsed(walletSchema, text, name).secret

export const writeCredential = (credential: Credential): string => written('cohort-credential', credential)
export const writeCapture = (capture: Capture): string => written('cohort-capture', capture)
export const writePicture = (found: ArrayLike<number>): string =>
  written('cohort-picture', { pixels: Array.from(found) })
export const writeWallet = (secret: bigint): string => written('cohort-wallet', { secret })

const statementSchema = z.strictObject({
  issuerId: z.int().positive(),
  keyId: z.int().positive(),
  challengeBlock: z.int().nonnegative(),
  day: z.int().nonnegative(),
  sanctionsRoot: field,
  revocationsRoot: field,
  nullifier: field,
})
const passProofSchema = z.strictObject({
  format: z.literal('cohort-pass-proof'),
  version: z.literal(1),
  statement: statementSchema,
  proof: z.unknown(),
})

export type PassProof = { readonly statement: GateStatement; readonly proof: Proof }

/** Writes statement and proof for a gate. They are not secret, and are valid for one account. */
export const writePassProof = ({ statement, proof }: PassProof): string =>
  written('cohort-pass-proof', { statement, proof: proofToJson(proof) })

/** @throws IdentityError bad-input, ProveError malformed, naming the field */
export const readPassProof = (text: string, name = 'proof'): PassProof => {
  const { statement, proof } = parsed(passProofSchema, text, name)
  const found = parseProof(proof)
  if ('commitment' in found)
    throw new IdentityError('bad-input', `${name}: a proof in two rounds is for other circuits`)
  return { statement, proof: found }
}

/** A public key as `cohort zkml sign-key` prints it. @throws IdentityError bad-input */
export function parseKeyMaterial(text: string, name: string): BabyPoint {
  const parts = /^0x([0-9a-fA-F]{64})([0-9a-fA-F]{64})$/.exec(text)
  const key = parts === null ? null : ([BigInt(`0x${parts[1]}`), BigInt(`0x${parts[2]}`)] as const)
  if (key === null || !isEddsaKey(key)) {
    throw new IdentityError('bad-input', `${name} is no public key: 0x and 128 digits, as cohort zkml sign-key prints`)
  }
  return key
}

function written(format: string, content: object): string {
  const hex = (_key: string, item: unknown) => (typeof item === 'bigint' ? `0x${item.toString(16)}` : item)
  return `${JSON.stringify({ format, version: 1, ...content }, hex)}\n`
}

function parsed<T>(schema: z.ZodType<T>, text: string, name: string): T {
  let json: unknown
  try {
    json = parseJson(text)
  } catch (cause) {
    throw new IdentityError('bad-input', `${name}: ${(cause as Error).message}`, { cause })
  }
  const result = schema.safeParse(json)
  if (result.success) return result.data
  const [issue] = result.error.issues
  // The message never contains the value, because a wallet's is its secret.
  throw new IdentityError('bad-input', `${name}: ${issue!.path.join('.') || 'root'}: ${issue!.message}`)
}
