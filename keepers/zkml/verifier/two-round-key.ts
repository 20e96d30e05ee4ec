// SPDX-License-Identifier: GPL-3.0-or-later
// The verification key of Groth16 in two rounds, the hash that names it, and the challenges that a proof's first round gives.
// docs/zkml-lookups.md has the layouts for other implementations.
import { keccak_256 } from '@noble/hashes/sha3.js'
import { bytesToHex, hexToBytes, utf8ToBytes } from '@noble/hashes/utils.js'
import { z } from 'zod'
import { FIELD_BYTES } from '../bn254.ts'
import type { Part } from '../parts.ts'
import { loadCurve, POINT_BYTES } from '../setup/curve-memory.ts'
import { bordersOf, MAX_CHALLENGES, type TwoRoundShape } from '../setup/two-round-shape.ts'
import { TWO_ROUND_POINTS_OFFSET, type TwoRoundZkey } from '../setup/two-round-zkey.ts'
import { type G1Point, type G2Point, g1Schema, g2Schema, g2Words } from './verification-key.ts'

export type TwoRoundKey = {
  readonly shape: TwoRoundShape
  readonly alpha: G1Point
  readonly beta: G2Point
  readonly gamma: G2Point
  /** δ₁, of the commitment to the first round. */
  readonly deltaFirst: G2Point
  /** δ₂, of the second round. */
  readonly deltaSecond: G2Point
  /** The constant one, the public signals, the challenges. */
  readonly ic: readonly G1Point[]
}

export const TWO_ROUND_SYSTEM = 'groth16-lookup'

const tag = (text: string) => bytesToHex(keccak_256(utf8ToBytes(text)))
/** First words of hash preimages: they keep keys, challenges and everything else apart. */
export const KEY_TAG = BigInt(`0x${tag('cohort groth16-lookup key v1')}`)
export const CHALLENGE_TAG = BigInt(`0x${tag('cohort groth16-lookup challenge v1')}`)

const schema = z
  .object({
    protocol: z.literal(TWO_ROUND_SYSTEM),
    curve: z.enum(['bn128', 'bn254']),
    nPublic: z.int().positive(),
    nChallenges: z.int().positive().max(MAX_CHALLENGES),
    nFirstRound: z.int().positive(),
    vk_alpha_1: g1Schema,
    vk_beta_2: g2Schema,
    vk_gamma_2: g2Schema,
    vk_delta1_2: g2Schema,
    vk_delta2_2: g2Schema,
    IC: z.array(g1Schema),
  })
  .refine(
    (key) => key.IC.length === key.nPublic + key.nChallenges + 1,
    'IC must hold one point more than there are public signals and challenges',
  )

/** Parses a verification key's JSON. Throws a ZodError that names the field. */
export function parseTwoRoundKey(json: unknown): TwoRoundKey {
  const key = schema.parse(json)
  return {
    shape: { publicSignals: key.nPublic, challenges: key.nChallenges, firstRound: key.nFirstRound },
    alpha: key.vk_alpha_1,
    beta: key.vk_beta_2,
    gamma: key.vk_gamma_2,
    deltaFirst: key.vk_delta1_2,
    deltaSecond: key.vk_delta2_2,
    ic: key.IC,
  }
}

export function twoRoundKeyToJson(key: TwoRoundKey): object {
  const g1 = ([x, y]: G1Point) => [`${x}`, `${y}`, '1']
  const g2 = ([x, y]: G2Point) => [x.map(String), y.map(String), ['1', '0']]
  return {
    protocol: TWO_ROUND_SYSTEM,
    curve: 'bn128',
    nPublic: key.shape.publicSignals,
    nChallenges: key.shape.challenges,
    nFirstRound: key.shape.firstRound,
    vk_alpha_1: g1(key.alpha),
    vk_beta_2: g2(key.beta),
    vk_gamma_2: g2(key.gamma),
    vk_delta1_2: g2(key.deltaFirst),
    vk_delta2_2: g2(key.deltaSecond),
    IC: key.ic.map(g1),
  }
}

/** The verification key that a proving key contains. */
export async function twoRoundKeyOf({ shape, sections }: TwoRoundZkey<Part>): Promise<TwoRoundKey> {
  const { G1, G2 } = await loadCurve()
  const [inG1, inG2] = [POINT_BYTES.g1.affine, POINT_BYTES.g2.affine]
  const g1 = (bytes: Uint8Array, at: number) => G1.toObject(G1.fromRprLEM(bytes, at)).slice(0, 2) as unknown as G1Point
  const g2 = (at: number) => G2.toObject(G2.fromRprLEM(sections.header, at)).slice(0, 2) as unknown as G2Point
  // alpha1, beta1, beta2, gamma2, δ₁ in both groups, δ₂ in both groups
  const beta2 = TWO_ROUND_POINTS_OFFSET + 2 * inG1
  return {
    shape,
    alpha: g1(sections.header, TWO_ROUND_POINTS_OFFSET),
    beta: g2(beta2),
    gamma: g2(beta2 + inG2),
    deltaFirst: g2(beta2 + 2 * inG2 + inG1),
    deltaSecond: g2(beta2 + 3 * inG2 + 2 * inG1),
    ic: Array.from({ length: bordersOf(shape).firstRound }, (_, i) => g1(sections.ic, i * inG1)),
  }
}

/** A key's name: a tag, the shape, and the points in the order of the EVM precompiles. */
export function twoRoundKeyWords(key: TwoRoundKey): bigint[] {
  const { publicSignals, challenges, firstRound } = key.shape
  const points = [key.beta, key.gamma, key.deltaFirst, key.deltaSecond].flatMap(g2Words)
  return [KEY_TAG, ...[publicSignals, challenges, firstRound].map(BigInt), ...key.alpha, ...points, ...key.ic.flat()]
}

/** keccak256 of the key's words: the result of `vkHash()` in the Solidity verifier. */
export function twoRoundKeyHash(key: TwoRoundKey): string {
  return `0x${bytesToHex(keccak_256(packWords(twoRoundKeyWords(key))))}`
}

/**
 * The challenges of a proof: challenge i is keccak256(CHALLENGE_TAG ‖ vkHash ‖ C₁ ‖ public signals ‖ i) without its lowest 8 bits,
 * every part 32 bytes big endian. C₁ is the commitment to the first round, (x, y).
 */
export function challengesOf(
  vkHash: string,
  count: number,
  commitment: G1Point,
  publicSignals: readonly bigint[],
): bigint[] {
  const words = packWords([CHALLENGE_TAG, 0n, ...commitment, ...publicSignals, 0n])
  words.set(hexToBytes(vkHash.slice(2)), FIELD_BYTES)
  return Array.from({ length: count }, (_, i) => {
    words[words.length - 1] = i
    return BigInt(`0x${bytesToHex(keccak_256(words))}`) >> 8n
  })
}

/** Words of 32 bytes, big endian. */
function packWords(words: readonly bigint[]): Uint8Array {
  return hexToBytes(words.map((word) => word.toString(16).padStart(2 * FIELD_BYTES, '0')).join(''))
}
