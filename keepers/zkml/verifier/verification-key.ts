// SPDX-License-Identifier: GPL-3.0-or-later
// A Groth16 verification key as snarkjs writes it to JSON, checked point by point, and the hash that names it on-chain.
import { keccak_256 } from '@noble/hashes/sha3.js'
import { bytesToHex } from '@noble/hashes/utils.js'
import { z } from 'zod'
import { BASE_FIELD, FIELD_BYTES } from '../bn254.ts'

const coordinate = z
  .string()
  .regex(/^\d{1,78}$/, 'a decimal integer')
  .transform((text) => BigInt(text))
  .refine((value) => value < BASE_FIELD, 'below the base field')
const one = z.literal('1')
/** Affine points; the third coordinate that snarkjs writes is always 1. */
const g1 = z.tuple([coordinate, coordinate, one]).transform(([x, y]) => [x, y] as const)
const fp2 = z.tuple([coordinate, coordinate])
const g2 = z.tuple([fp2, fp2, z.tuple([one, z.literal('0')])]).transform(([x, y]) => [x, y] as const)

const schema = z
  .object({
    protocol: z.literal('groth16'),
    curve: z.enum(['bn128', 'bn254']),
    nPublic: z.int().nonnegative(),
    vk_alpha_1: g1,
    vk_beta_2: g2,
    vk_gamma_2: g2,
    vk_delta_2: g2,
    IC: z.array(g1),
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

/** The words of a key in the order of the EVM precompiles (EIP-197: imaginary part first). */
export function verificationKeyWords(key: VerificationKey): bigint[] {
  const flat = ([x, y]: G2Point) => [x[1], x[0], y[1], y[0]]
  return [...key.alpha, ...flat(key.beta), ...flat(key.gamma), ...flat(key.delta), ...key.ic.flat()]
}

/** keccak256 of the key's words: what the Solidity verifier returns from `vkHash()`. */
export function verificationKeyHash(key: VerificationKey): string {
  const words = verificationKeyWords(key)
  const bytes = new Uint8Array(words.length * FIELD_BYTES)
  for (const [i, word] of words.entries()) {
    for (let j = FIELD_BYTES - 1, rest = word; rest > 0n; j--, rest >>= 8n)
      bytes[i * FIELD_BYTES + j] = Number(rest & 0xffn)
  }
  return `0x${bytesToHex(keccak_256(bytes))}`
}
