// SPDX-License-Identifier: GPL-3.0-or-later
// The public record of a step: both δ after it, and a proof that whoever made it knew the factor of each. docs/ceremony.md has the argument.
import { createHash } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import { SCALAR_FIELD } from '../../bn254.ts'
import { loadCurve } from '../../setup/curve-memory.ts'
import type { TwoRoundShape } from '../../setup/two-round-shape.ts'
import { fromFileForm, g1ToHex, g2FromHex, g2ToHex, type Point } from './encoding.ts'
import type { DeltaPoints } from './points-file.ts'
import type { TwoRoundStep, TwoRoundTranscript } from './transcript.ts'

/** The factors by which a step multiplies δ₁ and δ₂. Secret, except a beacon's. */
export type Factors = readonly [bigint, bigint]

/** One δ after a step. */
export type DeltaRecord = TwoRoundStep['deltas'][number]
type Said = Pick<TwoRoundStep, 'kind' | 'name' | 'beacon'>
export type KnowledgeProof = NonNullable<DeltaRecord['proof']>

const TAG = {
  circuit: 'cohort two-round ceremony: circuit, v1',
  secret: 'cohort two-round ceremony: secret, v1',
  beacon: 'cohort two-round ceremony: beacon, v1',
  proof: 'cohort two-round ceremony: proof of knowledge, v1',
  step: 'cohort two-round ceremony: step, v1',
} as const

/** BLAKE2b-512 of parts, each behind its length in 8 bytes, so that no two lists of parts hash alike. */
function hashOf(tag: string, parts: readonly (string | Uint8Array)[]): Buffer {
  const hash = createHash('blake2b512')
  for (const part of [tag, ...parts]) {
    const bytes = typeof part === 'string' ? Buffer.from(part, 'utf8') : part
    const length = Buffer.alloc(8)
    length.writeBigUInt64LE(BigInt(bytes.byteLength))
    hash.update(length).update(bytes)
  }
  return hash.digest()
}

/** 512 bits modulo r: uniform but for 2^−258. */
function fieldElementOf(hash: Buffer): bigint {
  return BigInt(`0x${hash.toString('hex')}`) % SCALAR_FIELD
}

/** The hash that precedes the first step: of circuit, division of its wires, powers of tau and initial points. */
export function circuitHashOf(input: {
  readonly r1csSha256: string
  readonly shape: TwoRoundShape
  readonly ptauBlake2b: string
  readonly pointsSha256: string
}): string {
  const { publicSignals, challenges, firstRound } = input.shape
  const counts = [publicSignals, challenges, firstRound].map(String)
  return `0x${hashOf(TAG.circuit, [input.r1csSha256, ...counts, input.ptauBlake2b, input.pointsSha256]).toString('hex')}`
}

/** Secret factors from randomness and a contributor's typed text: unpredictable if either is. */
export function drawFactors(randomness: Uint8Array, typed: string): Factors {
  return [0, 1].map((index) => usable(fieldElementOf(hashOf(TAG.secret, [randomness, typed, `${index}`])))) as never
}

/**
 * The factors of a beacon: its value hashed 2^iterationsExponent times, then bound to all steps before. A transcript from elsewhere
 * may ask for more than anyone has time for: the signal ends it.
 */
export async function beaconFactors(
  beacon: NonNullable<Said['beacon']>,
  previousHash: string,
  signal?: AbortSignal,
): Promise<Factors> {
  let state: Buffer = Buffer.from(beacon.value, 'hex')
  for (let i = 0; i < 2 ** beacon.iterationsExponent; i++) {
    state = createHash('sha256').update(state).digest()
    if (i % HASHES_AT_ONCE !== 0) continue
    await setImmediate()
    signal?.throwIfAborted()
  }
  return [0, 1].map((index) => usable(fieldElementOf(hashOf(TAG.beacon, [state, previousHash, `${index}`])))) as never
}

const HASHES_AT_ONCE = 2 ** 14

/** 0 would destroy the key and 1 change nothing; neither happens. */
function usable(factor: bigint): bigint {
  if (factor < 2n) throw new RangeError('a factor of 0 or 1: draw again')
  return factor
}

/** The hash of a step and everything before it; later steps and the contributor's announcement refer to it. */
export function contributionHashOf(previousHash: string, step: Omit<TwoRoundStep, 'contributionHash' | 'at'>): string {
  const proofs = step.deltas.flatMap(({ proof }) => (proof === undefined ? [] : [proof.commitment, proof.response]))
  return `0x${hashOf(TAG.step, [...saidBefore(previousHash, step, step.deltas), ...proofs, step.pointsSha256]).toString('hex')}`
}

/** Everything that is known of a step before its proofs. */
function saidBefore(previousHash: string, { kind, name, beacon }: Said, deltas: readonly DeltaRecord[]): string[] {
  const drawn = beacon === undefined ? [] : [beacon.value, `${beacon.iterationsExponent}`, beacon.source]
  return [previousHash, kind, name, `${drawn.length}`, ...drawn, ...deltas.flatMap(({ g1, g2 }) => [g1, g2])]
}

export async function recordOf({ g1, g2 }: DeltaPoints): Promise<DeltaRecord> {
  return {
    g1: await g1ToHex(await fromFileForm('G1', g1)),
    g2: await g2ToHex(await fromFileForm('G2', g2)),
  }
}

/**
 * Proves knowledge of both factors: Schnorr's proof in G2 with the old δ as base and the new one as key. The challenge hashes the whole
 * ceremony so far and both new δ, so that no proof can be moved to another step.
 * @param nonces fresh for each call, uniform and secret.
 */
export async function proveFactors(
  said: Said & { readonly previousHash: string },
  bases: readonly [Point, Point],
  deltas: readonly [DeltaRecord, DeltaRecord],
  factors: Factors,
  nonces: Factors,
): Promise<[KnowledgeProof, KnowledgeProof]> {
  const { G2 } = await loadCurve()
  const commitments = await Promise.all(bases.map((base, i) => g2ToHex(G2.timesScalar(base, nonces[i]!))))
  const challenge = challengeOf(said, deltas, commitments)
  return commitments.map((commitment, i) => {
    const response = (nonces[i]! + challenge * factors[i]!) % SCALAR_FIELD
    return { commitment, response: `0x${response.toString(16).padStart(64, '0')}` }
  }) as never
}

/** For each δ, whether response · old = commitment + challenge · new. */
export async function checkKnowledge(
  said: Said & { readonly previousHash: string },
  before: readonly [Point, Point],
  after: readonly [Point, Point],
  deltas: TwoRoundStep['deltas'],
): Promise<[boolean, boolean]> {
  const { G2 } = await loadCurve()
  const proofs = deltas.map(({ proof }) => proof)
  if (proofs.some((proof) => proof === undefined)) return [false, false]
  const challenge = challengeOf(
    said,
    deltas,
    proofs.map((proof) => proof!.commitment),
  )
  const holds = async (i: 0 | 1) => {
    const commitment = await g2FromHex(proofs[i]!.commitment)
    const response = BigInt(proofs[i]!.response)
    if (commitment === null || response >= SCALAR_FIELD) return false
    const right = G2.add(commitment, G2.timesScalar(after[i], challenge))
    return G2.eq(G2.timesScalar(before[i], response), right)
  }
  return [await holds(0), await holds(1)]
}

function challengeOf(
  said: Said & { readonly previousHash: string },
  deltas: readonly DeltaRecord[],
  commitments: readonly string[],
): bigint {
  return fieldElementOf(hashOf(TAG.proof, [...saidBefore(said.previousHash, said, deltas), ...commitments]))
}

/** The hash that the step at an index follows. */
export function previousHashOf(transcript: Pick<TwoRoundTranscript, 'circuitHash' | 'steps'>, index: number): string {
  return index === 0 ? transcript.circuitHash : transcript.steps[index - 1]!.contributionHash
}
