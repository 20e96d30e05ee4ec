// SPDX-License-Identifier: GPL-3.0-or-later
// A Groth16 proof and its public signals, as bigints inside and as snarkjs' JSON outside.
import { z } from 'zod'
import { BASE_FIELD, SCALAR_FIELD } from '../bn254.ts'
import type { G1Point, G2Point } from '../verifier/verification-key.ts'
import { ProveError } from './errors.ts'

export type Proof = { readonly a: G1Point; readonly b: G2Point; readonly c: G1Point }

/** In the order of the circuit: model commitment, input commitment, output, context. */
export type PublicSignals = readonly bigint[]

export type ProofWithSignals = { readonly proof: Proof; readonly publicSignals: PublicSignals }

/** Bytes of a proof as a contract takes it: eight field elements. */
export const PROOF_BYTES = 256

const decimal = (bound: bigint, what: string) =>
  z
    .string()
    .regex(/^(0|[1-9]\d{0,77})$/, 'a decimal integer')
    .transform((text) => BigInt(text))
    .refine((value) => value < bound, `below the ${what}`)
const coordinate = decimal(BASE_FIELD, 'base field')
const fp2 = z.tuple([coordinate, coordinate])
const infinity = 'a proof contains no point at infinity'
export const g1Schema = z
  .tuple([coordinate, coordinate, z.literal('1', { error: infinity })])
  .transform(([x, y]) => [x, y] as const)
export const g2Schema = z
  .tuple([fp2, fp2, z.tuple([z.literal('1', { error: infinity }), z.literal('0')])])
  .transform(([x, y]) => [x, y] as const)

const proofSchema = z
  .object({
    pi_a: g1Schema,
    pi_b: g2Schema,
    pi_c: g1Schema,
    protocol: z.literal('groth16'),
    curve: z.enum(['bn128', 'bn254']),
  })
  .transform(({ pi_a, pi_b, pi_c }): Proof => ({ a: pi_a, b: pi_b, c: pi_c }))

const signalsSchema = z.array(decimal(SCALAR_FIELD, 'scalar field'))

/** Parses snarkjs' proof JSON. Throws ProveError `malformed`, naming the field. Points are not yet checked to be on the curve. */
export function parseProof(json: unknown): Proof {
  return parseJson(proofSchema, json, 'proof')
}

/** Parses a JSON array of decimal strings, each below r. */
export function parsePublicSignals(json: unknown): PublicSignals {
  return parseJson(signalsSchema, json, 'public signals')
}

export function proofToJson(proof: Proof): object {
  const pair = ([x, y]: G1Point) => [`${x}`, `${y}`]
  return {
    pi_a: [...pair(proof.a), '1'],
    pi_b: [pair(proof.b[0]), pair(proof.b[1]), ['1', '0']],
    pi_c: [...pair(proof.c), '1'],
    protocol: 'groth16',
    curve: 'bn128',
  }
}

export function publicSignalsToJson(signals: PublicSignals): string[] {
  return signals.map(String)
}

/** Throws ProveError `malformed` with what does not fit. */
export function parseJson<T>(schema: z.ZodType<T>, json: unknown, what: string): T {
  const result = schema.safeParse(json)
  if (!result.success) throw new ProveError('malformed', `${what}: ${z.prettifyError(result.error)}`)
  return result.data
}
