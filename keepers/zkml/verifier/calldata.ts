// SPDX-License-Identifier: GPL-3.0-or-later
// Proofs as the Solidity verifier takes them (ABI encoding; coordinates of G2 with the imaginary part first, EIP-197).
import { keccak_256 } from '@noble/hashes/sha3.js'
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js'
import { SCALAR_FIELD } from '../bn254.ts'
import type { Proof, ProofWithSignals, PublicSignals } from '../prove/proof.ts'
import type { TwoRoundProof, TwoRoundProofWithSignals } from '../prove/two-round-proof.ts'

/** The arguments a, b, c of `verifyProof`, ready for any ABI encoder. */
export type SolidityProof = {
  readonly a: readonly [bigint, bigint]
  readonly b: readonly [readonly [bigint, bigint], readonly [bigint, bigint]]
  readonly c: readonly [bigint, bigint]
}

export function toSolidityProof({ a, b: [x, y], c }: Proof): SolidityProof {
  return {
    a,
    b: [
      [x[1], x[0]],
      [y[1], y[0]],
    ],
    c,
  }
}

/** Calldata of `verifyProof(a, b, c, publicSignals)`: selector and 8 + n words, as 0x… */
export function encodeVerifyCalldata(proof: Proof, publicSignals: PublicSignals): string {
  checkSignals(publicSignals)
  const signature = `verifyProof(uint256[2],uint256[2][2],uint256[2],uint256[${publicSignals.length}])`
  return encode(signature, [...proofWords(proof), ...publicSignals])
}

/** Calldata of `verifyBatch(proofs, publicSignals)`. All must have the same number of signals; at least one. */
export function encodeBatchCalldata(batch: readonly ProofWithSignals[]): string {
  return encodeBatch('uint256[2],uint256[2][2],uint256[2]', 8, batch, ({ proof }) => proofWords(proof))
}

/** Calldata of `verifyProof(a, b, commitment, c, publicSignals)` of a verifier of two rounds: selector and 10 + n words, as 0x… */
export function encodeTwoRoundCalldata(proof: TwoRoundProof, publicSignals: PublicSignals): string {
  checkSignals(publicSignals)
  const points = 'uint256[2],uint256[2][2],uint256[2],uint256[2]'
  const signature = `verifyProof(${points},uint256[${publicSignals.length}])`
  return encode(signature, [...twoRoundWords(proof), ...publicSignals])
}

/** Calldata of `verifyBatch(proofs, publicSignals)` of a verifier of two rounds. */
export function encodeTwoRoundBatchCalldata(batch: readonly TwoRoundProofWithSignals[]): string {
  const points = 'uint256[2],uint256[2][2],uint256[2],uint256[2]'
  return encodeBatch(points, 10, batch, ({ proof }) => twoRoundWords(proof))
}

function encodeBatch<P extends { readonly publicSignals: PublicSignals }>(
  points: string,
  words: number,
  batch: readonly P[],
  wordsOf: (proof: P) => bigint[],
): string {
  const signals = batch[0]?.publicSignals.length
  if (signals === undefined) throw new RangeError('a batch needs at least one proof')
  for (const [i, { publicSignals }] of batch.entries()) {
    if (publicSignals.length !== signals) {
      throw new RangeError(`proof ${i} has ${publicSignals.length} public signals, proof 0 has ${signals}`)
    }
    checkSignals(publicSignals)
  }
  const signature = `verifyBatch((${points})[],uint256[${signals}][])`
  const count = BigInt(batch.length)
  // Two dynamic arrays of static elements: their offsets, then each as its length and its elements.
  return encode(signature, [
    64n,
    64n + 32n * (1n + BigInt(words) * count),
    count,
    ...batch.flatMap(wordsOf),
    count,
    ...batch.flatMap(({ publicSignals }) => publicSignals),
  ])
}

function proofWords(proof: Proof): bigint[] {
  const { a, b, c } = toSolidityProof(proof)
  return [...a, ...b[0], ...b[1], ...c]
}

function twoRoundWords({ a, b, commitment, c }: TwoRoundProof): bigint[] {
  return [...a, ...b.flatMap(([re, im]) => [im, re]), ...commitment, ...c]
}

function checkSignals(signals: PublicSignals): void {
  const bad = signals.findIndex((signal) => signal < 0n || signal >= SCALAR_FIELD)
  if (bad >= 0) throw new RangeError(`public signal ${bad} is ${signals[bad]}, not below the scalar field`)
}

function encode(signature: string, words: readonly bigint[]): string {
  const selector = bytesToHex(keccak_256(utf8ToBytes(signature)).subarray(0, 4))
  return `0x${selector}${words.map((word) => word.toString(16).padStart(64, '0')).join('')}`
}
