// SPDX-License-Identifier: GPL-3.0-or-later
// A Groth16 verification key as snarkjs writes it to JSON, checked point by point, and the hash that names it on-chain.
import { keccak_256 } from '@noble/hashes/sha3.js'
import { bytesToHex } from '@noble/hashes/utils.js'
import { z } from 'zod'
import { BASE_FIELD, FIELD_BYTES } from '../bn254.ts'
import type { Part } from '../parts.ts'
import { loadCurve, POINT_BYTES } from '../setup/curve-memory.ts'
import { HEADER_POINTS_OFFSET, type Zkey } from '../setup/zkey.ts'

const coordinate = z
  .string()
  .regex(/^\d{1,78}$/, 'a decimal integer')
  .transform((text) => BigInt(text))
  .refine((value) => value < BASE_FIELD, 'below the base field')
const one = z.literal('1')
/** Affine points; the third coordinate that snarkjs writes is always 1. */
export const g1Schema = z.tuple([coordinate, coordinate, one]).transform(([x, y]) => [x, y] as const)
const fp2 = z.tuple([coordinate, coordinate])
export const g2Schema = z.tuple([fp2, fp2, z.tuple([one, z.literal('0')])]).transform(([x, y]) => [x, y] as const)

const schema = z
  .object({
    protocol: z.literal('groth16'),
    curve: z.enum(['bn128', 'bn254']),
    nPublic: z.int().nonnegative(),
    vk_alpha_1: g1Schema,
    vk_beta_2: g2Schema,
    vk_gamma_2: g2Schema,
    vk_delta_2: g2Schema,
    IC: z.array(g1Schema),
  })
  .refine((key) => key.IC.length === key.nPublic + 1, 'IC must hold one point more than there are public signals')

/** (x, y) of a point of G1. */
export type G1Point = readonly [bigint, bigint]
/** (x, y) of a point of G2, each coordinate as [real, imaginary]. */
export type G2Point = readonly [readonly [bigint, bigint], readonly [bigint, bigint]]

export type VerificationKey = {
  readonly publicSignals: number
  readonly alpha: G1Point
  readonly beta: G2Point
  readonly gamma: G2Point
  readonly delta: G2Point
  readonly ic: readonly G1Point[]
}

/** Parses snarkjs' verification key JSON. Throws a ZodError that names the field. */
export function parseVerificationKey(json: unknown): VerificationKey {
  const key = schema.parse(json)
  return {
    publicSignals: key.nPublic,
    alpha: key.vk_alpha_1,
    beta: key.vk_beta_2,
    gamma: key.vk_gamma_2,
    delta: key.vk_delta_2,
    ic: key.IC,
  }
}

/** The verification key that a proving key contains. */
export async function verificationKeyOf({ header, sections }: Zkey<Part>): Promise<VerificationKey> {
  const { G1, G2 } = await loadCurve()
  const [inG1, inG2] = [POINT_BYTES.g1.affine, POINT_BYTES.g2.affine]
  const g1 = (bytes: Uint8Array, at: number) => G1.toObject(G1.fromRprLEM(bytes, at)).slice(0, 2) as unknown as G1Point
  const g2 = (bytes: Uint8Array, at: number) => G2.toObject(G2.fromRprLEM(bytes, at)).slice(0, 2) as unknown as G2Point
  // alpha1, beta1, beta2, gamma2, delta1, delta2
  const beta2 = HEADER_POINTS_OFFSET + 2 * inG1
  return {
    publicSignals: header.publicSignals,
    alpha: g1(sections.header, HEADER_POINTS_OFFSET),
    beta: g2(sections.header, beta2),
    gamma: g2(sections.header, beta2 + inG2),
    delta: g2(sections.header, beta2 + 2 * inG2 + inG1),
    ic: Array.from({ length: header.publicSignals + 1 }, (_, i) => g1(sections.ic, i * inG1)),
  }
}

/** snarkjs' JSON of a key, without the pairing of alpha and beta, which snarkjs ignores. */
export function verificationKeyToJson(key: VerificationKey): object {
  const g1 = ([x, y]: G1Point) => [`${x}`, `${y}`, '1']
  const g2 = ([x, y]: G2Point) => [x.map(String), y.map(String), ['1', '0']]
  return {
    protocol: 'groth16',
    curve: 'bn128',
    nPublic: key.publicSignals,
    vk_alpha_1: g1(key.alpha),
    vk_beta_2: g2(key.beta),
    vk_gamma_2: g2(key.gamma),
    vk_delta_2: g2(key.delta),
    IC: key.ic.map(g1),
  }
}

/** The words of a key in the order of the EVM precompiles (EIP-197: imaginary part first). */
export function verificationKeyWords(key: VerificationKey): bigint[] {
  return [...key.alpha, ...g2Words(key.beta), ...g2Words(key.gamma), ...g2Words(key.delta), ...key.ic.flat()]
}

/** A point of G2 in the order of EIP-197. */
export function g2Words([x, y]: G2Point): bigint[] {
  return [x[1], x[0], y[1], y[0]]
}

/** keccak256 of the key's words: the result of `vkHash()` in the Solidity verifier. */
export function verificationKeyHash(key: VerificationKey): string {
  const words = verificationKeyWords(key)
  const bytes = new Uint8Array(words.length * FIELD_BYTES)
  for (const [i, word] of words.entries()) {
    for (let j = FIELD_BYTES - 1, rest = word; rest > 0n; j--, rest >>= 8n)
      bytes[i * FIELD_BYTES + j] = Number(rest & 0xffn)
  }
  return `0x${bytesToHex(keccak_256(bytes))}`
}
