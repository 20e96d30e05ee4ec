// SPDX-License-Identifier: GPL-3.0-or-later
// Proofs as the Solidity verifier takes them (ABI encoding; coordinates of G2 with the imaginary part first, EIP-197).
import { keccak_256 } from '@noble/hashes/sha3.js'
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js'
import { BASE_FIELD, SCALAR_FIELD } from '../bn254.ts'
import type { Proof, ProofWithSignals, PublicSignals } from '../prove/proof.ts'
import type { TwoRoundProof, TwoRoundProofWithSignals } from '../prove/two-round-proof.ts'
import type { G1Point } from './verification-key.ts'

/** The arguments a, b, c of `verifyProof`, ready for any ABI encoder. */
export type SolidityProof = {
  readonly a: readonly [bigint, bigint]
  readonly b: readonly [readonly [bigint, bigint], readonly [bigint, bigint]]
  readonly c: readonly [bigint, bigint]
}

/** Of either system: in two rounds `c` holds both commitments, a word each, so that a contract takes proofs of both alike. */
export function toSolidityProof(proof: Proof | TwoRoundProof): SolidityProof {
  const {
    a,
    b: [x, y],
  } = proof
  return {
    a,
    b: [
      [x[1], x[0]],
      [y[1], y[0]],
    ],
    c: 'commitment' in proof ? [compressed(proof.commitment), compressed(proof.c)] : proof.c,
  }
}

/**
 * The proof that a contract was given, of the system of the key that it is to be checked with.
 * @throws RangeError for a word that stands for no point of the curve
 */
export function fromSolidityProof({ a, b: [x, y], c }: SolidityProof, twoRounds: boolean): Proof | TwoRoundProof {
  const b = [
    [x[1], x[0]],
    [y[1], y[0]],
  ] as const
  if (!twoRounds) return { a, b, c }
  return { a, b, commitment: decompressed(c[0]), c: decompressed(c[1]) }
}

/** Calldata of `verifyProof(a, b, c, publicSignals)`: selector and 8 + n words, as 0x… */
export function encodeVerifyCalldata(proof: Proof | TwoRoundProof, publicSignals: PublicSignals): string {
  checkSignals(publicSignals)
  const signature = `verifyProof(uint256[2],uint256[2][2],uint256[2],uint256[${publicSignals.length}])`
  return encode(signature, [...proofWords(proof), ...publicSignals])
}

/** Calldata of `verifyBatch(proofs, publicSignals)`. All must have the same number of signals; at least one. */
export function encodeBatchCalldata(batch: readonly (ProofWithSignals | TwoRoundProofWithSignals)[]): string {
  const signals = batch[0]?.publicSignals.length
  if (signals === undefined) throw new RangeError('a batch needs at least one proof')
  for (const [i, { publicSignals }] of batch.entries()) {
    if (publicSignals.length !== signals) {
      throw new RangeError(`proof ${i} has ${publicSignals.length} public signals, proof 0 has ${signals}`)
    }
    checkSignals(publicSignals)
  }
  const signature = `verifyBatch((uint256[2],uint256[2][2],uint256[2])[],uint256[${signals}][])`
  const count = BigInt(batch.length)
  // Two dynamic arrays of static elements: their offsets, then each as its length and its elements.
  return encode(signature, [
    64n,
    64n + 32n * (1n + 8n * count),
    count,
    ...batch.flatMap(({ proof }) => proofWords(proof)),
    count,
    ...batch.flatMap(({ publicSignals }) => publicSignals),
  ])
}

function proofWords(proof: Proof | TwoRoundProof): bigint[] {
  const { a, b, c } = toSolidityProof(proof)
  return [...a, ...b[0], ...b[1], ...c]
}

/** A point of the curve in one word: x, and in bit 255 whether y is the larger of its two values. */
export function compressed([x, y]: G1Point): bigint {
  return y > BASE_FIELD >> 1n ? x | (1n << 255n) : x
}

/** The point of a word. p ≡ 3 (mod 4), so that a square root is a power. @throws RangeError */
function decompressed(word: bigint): G1Point {
  const x = word & ((1n << 255n) - 1n)
  const square = (x ** 3n + 3n) % BASE_FIELD
  let root = 1n
  let power = square
  for (let exponent = (BASE_FIELD + 1n) >> 2n; exponent > 0n; exponent >>= 1n) {
    if ((exponent & 1n) === 1n) root = (root * power) % BASE_FIELD
    power = (power * power) % BASE_FIELD
  }
  if (x >= BASE_FIELD || (root * root) % BASE_FIELD !== square)
    throw new RangeError(`0x${word.toString(16)} stands for no point`)
  const isLarger = root > BASE_FIELD >> 1n
  return [x, word >> 255n === (isLarger ? 1n : 0n) ? root : BASE_FIELD - root]
}

function checkSignals(signals: PublicSignals): void {
  const bad = signals.findIndex((signal) => signal < 0n || signal >= SCALAR_FIELD)
  if (bad >= 0) throw new RangeError(`public signal ${bad} is ${signals[bad]}, not below the scalar field`)
}

function encode(signature: string, words: readonly bigint[]): string {
  const selector = bytesToHex(keccak_256(utf8ToBytes(signature)).subarray(0, 4))
  return `0x${selector}${words.map((word) => word.toString(16).padStart(64, '0')).join('')}`
}
