// SPDX-License-Identifier: GPL-3.0-or-later
// Verification of proofs in two rounds over @noble/curves, from the JSON alone and with nothing of ours but the layout in
// docs/zkml-lookups.md: what somebody else would write.
import { bn254 } from '@noble/curves/bn254.js'
import { keccak_256 } from '@noble/hashes/sha3.js'
import { bytesToHex, hexToBytes, utf8ToBytes } from '@noble/hashes/utils.js'

type Pair = [string, string, ...unknown[]]
type PairOfPairs = [[string, string], [string, string], ...unknown[]]

export type KeyJson = {
  readonly nPublic: number
  readonly nChallenges: number
  readonly nFirstRound: number
  readonly vk_alpha_1: Pair
  readonly vk_beta_2: PairOfPairs
  readonly vk_gamma_2: PairOfPairs
  readonly vk_delta1_2: PairOfPairs
  readonly vk_delta2_2: PairOfPairs
  readonly IC: readonly Pair[]
}

export type ProofJson = {
  readonly pi_a: Pair
  readonly pi_b: PairOfPairs
  readonly pi_c1: Pair
  readonly pi_c2: Pair
}

const G1 = bn254.G1.Point
const G2 = bn254.G2.Point
const { Fp, Fr } = bn254.fields

export function keyHash(key: KeyJson): string {
  const flat = ([x, y]: PairOfPairs) => [x[1], x[0], y[1], y[0]]
  return hash(
    bytesToHex(keccak_256(utf8ToBytes('cohort groth16-lookup key v1'))),
    [
      ...[key.nPublic, key.nChallenges, key.nFirstRound],
      ...[key.vk_alpha_1[0], key.vk_alpha_1[1]],
      ...[key.vk_beta_2, key.vk_gamma_2, key.vk_delta1_2, key.vk_delta2_2].flatMap(flat),
      ...key.IC.flatMap(([x, y]) => [BigInt(x), BigInt(y)]),
    ].map(BigInt),
  )
}

export function challenges(key: KeyJson, proof: ProofJson, signals: readonly string[]): bigint[] {
  const tag = bytesToHex(keccak_256(utf8ToBytes('cohort groth16-lookup challenge v1')))
  const [x, y] = proof.pi_c1
  return Array.from({ length: key.nChallenges }, (_, i) => {
    const words = [BigInt(`0x${keyHash(key)}`), BigInt(x), BigInt(y), ...signals.map(BigInt), BigInt(i)]
    return BigInt(`0x${hash(tag, words)}`) >> 8n
  })
}

export function holds(key: KeyJson, proof: ProofJson, signals: readonly string[]): boolean {
  try {
    const values = signals.map(BigInt)
    if (values.length !== key.nPublic || values.some((value) => value < 0n || value >= Fr.ORDER)) return false
    const [a, first, second] = [proof.pi_a, proof.pi_c1, proof.pi_c2].map(inG1)
    const b = inG2(proof.pi_b)
    let sum = inG1(key.IC[0]!)
    for (const [i, value] of [...values, ...challenges(key, proof, signals)].entries()) {
      if (value !== 0n) sum = sum.add(inG1(key.IC[i + 1]!).multiply(value))
    }
    const product = bn254.pairingBatch([
      { g1: a!.negate(), g2: b },
      { g1: inG1(key.vk_alpha_1), g2: inG2(key.vk_beta_2) },
      { g1: sum, g2: inG2(key.vk_gamma_2) },
      { g1: first!, g2: inG2(key.vk_delta1_2) },
      { g1: second!, g2: inG2(key.vk_delta2_2) },
    ])
    return bn254.fields.Fp12.eql(product, bn254.fields.Fp12.ONE)
  } catch {
    return false
  }
}

function hash(tag: string, words: readonly bigint[]): string {
  return bytesToHex(keccak_256(hexToBytes(tag + words.map((word) => word.toString(16).padStart(64, '0')).join(''))))
}

function coordinate(text: string): bigint {
  const value = BigInt(text)
  if (value < 0n || value >= Fp.ORDER) throw new RangeError('not below q')
  return value
}

function inG1([x, y]: Pair) {
  const point = G1.fromAffine({ x: coordinate(x), y: coordinate(y) })
  point.assertValidity()
  return point
}

function inG2([x, y]: PairOfPairs) {
  const [c, d] = [x, y].map(([re, im]) => ({ c0: coordinate(re), c1: coordinate(im) }))
  const point = G2.fromAffine({ x: c!, y: d! })
  point.assertValidity()
  if (!point.isTorsionFree()) throw new RangeError('not of order r')
  return point
}
