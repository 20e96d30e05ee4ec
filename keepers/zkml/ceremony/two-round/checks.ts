// SPDX-License-Identifier: GPL-3.0-or-later
// Every check of a step of a ceremony in two rounds, each by itself: docs/ceremony.md says what would be possible without it, and
// a test does it.
import { FIELD_BYTES } from '../../bn254.ts'
import { MultiExp } from '../../prove/portable-multiexp.ts'
import { type CurveMemory, loadCurve, POINT_BYTES } from '../../setup/curve-memory.ts'
import type { R1cs } from '../../setup/r1cs.ts'
import { bordersOf, type TwoRoundShape } from '../../setup/two-round-shape.ts'
import { CeremonyError } from '../errors.ts'
import { fromFileForm, g1FromHex, g2FromHex, g2ToHex, type Point } from './encoding.ts'
import type { LagrangePoints } from './lagrange.ts'
import { newMemory } from './memory.ts'
import { sourcesOfK } from './points.ts'
import { listLengths, POINT_LISTS, type PointList, type StepPoints } from './points-file.ts'
import { beaconFactors, checkKnowledge, contributionHashOf, previousHashOf, recordOf } from './record.ts'
import type { TwoRoundStep, TwoRoundTranscript } from './transcript.ts'
import { weightedRows } from './wire-terms.ts'

/** The fault that each check finds. */
const FAULTS = {
  hash: 'the contribution hash is not that of the step and of all before it',
  group: 'a δ is at infinity, off its curve or outside the group of order r',
  idle: 'a δ did not change',
  'same-factor': 'δ₁ and δ₂ were multiplied by the same factor, so that the step adds nothing to their independence',
  'knowledge-1': 'nothing proves that the factor of δ₁ was known',
  'knowledge-2': 'nothing proves that the factor of δ₂ was known',
  beacon: 'the factors are not those of the beacon',
  'ratio-1': 'δ₁ differs between G1 and G2',
  'ratio-2': 'δ₂ differs between G1 and G2',
  deltas: 'the file of points has other δ than the transcript',
  curve: 'a point is not on the curve',
  commitment: 'the points of the first round are not those of the circuit over δ₁',
  c: 'the points of the second round are not those of the circuit over δ₂',
  h: 'the points of H are not those of the powers of tau over δ₂',
} as const
export type CheckName = keyof typeof FAULTS

export function faultOf(check: CheckName): string {
  return FAULTS[check]
}

/** δ₁ and δ₂, or where they do not parse, null. */
export type Deltas = readonly [Point, Point]

/** Random weights of 128 bits, and the sums that points over δ = 1 have with them. */
export type Expected = Readonly<Record<PointList, { readonly weights: Uint8Array; readonly sum: Point }>>

const WEIGHT_BYTES = 16

/**
 * Draws weights, and computes from the circuit and the powers of tau the sums that belong to them. The sum over the wires becomes one over
 * the rows, so no point of the initial key has to be computed. A wrong point passes with probability 2^−128.
 */
export async function expectedSums(r1cs: R1cs, shape: TwoRoundShape, powers: LagrangePoints): Promise<Expected> {
  const { G1 } = await loadCurve()
  const memory = await newMemory()
  const { variables } = r1cs.header
  const { firstRound, secondRound } = bordersOf(shape)
  const rows = powers.tau.byteLength / POINT_BYTES.g1.affine
  const lengths = listLengths({ shape, variables, domainSize: rows })
  const sources = sourcesOfK(memory, r1cs, powers)
  const points = [powers.betaTau, powers.alphaTau, powers.tau]
  const overWires = (range: readonly [number, number], weights: Uint8Array) => {
    const values = Array.from({ length: range[1] - range[0] }, (_, i) => weightAt(weights, i))
    const parts = sources.map(({ terms }, i) => sumOf(memory, points[i]!, weightedRows(terms, values, range, rows)))
    return parts.reduce((sum, part) => G1.add(sum, part), G1.zero)
  }
  const commitment = drawWeights(lengths.commitment)
  const c = drawWeights(lengths.c)
  const h = drawWeights(lengths.h)
  return {
    commitment: { weights: commitment, sum: overWires([firstRound, secondRound], commitment) },
    c: { weights: c, sum: overWires([secondRound, variables], c) },
    h: { weights: h, sum: sumOf(memory, powers.h, h) },
  }
}

/** Checks the points of a file against both δ, one pairing equation a list: e(Σ weight·point, δ) = e(Σ weight·K, 1). */
export async function pointFaults(points: StepPoints, deltas: Deltas, expected: Expected): Promise<CheckName[]> {
  const curve = await loadCurve()
  const memory = await newMemory()
  if (!onCurve(memory, points)) return ['curve']
  const faults: CheckName[] = []
  for (const [list, index] of Object.entries(POINT_LISTS) as [PointList, 0 | 1][]) {
    const { weights, sum } = expected[list]
    const found = sumOf(memory, points[list], weights)
    const { G1, G2 } = curve
    if (!(await curve.pairingEq(G1.neg(found), deltas[index], sum, G2.g))) faults.push(list)
  }
  return faults
}

/** Everything that can be said of a step without its points. `before` are the δ that it follows, in G2. */
export async function recordFaults(
  step: TwoRoundStep,
  previousHash: string,
  before: Deltas,
  signal?: AbortSignal,
): Promise<{ readonly faults: CheckName[]; readonly after: Deltas | null }> {
  const faults: CheckName[] = []
  if (step.contributionHash !== contributionHashOf(previousHash, step)) faults.push('hash')
  const inG1 = await Promise.all(step.deltas.map(({ g1 }) => g1FromHex(g1)))
  const inG2 = await Promise.all(step.deltas.map(({ g2 }) => g2FromHex(g2)))
  if ([...inG1, ...inG2].includes(null)) return { faults: [...faults, 'group'], after: null }
  const after = inG2 as unknown as Deltas
  const curve = await loadCurve()
  const { G1, G2 } = curve
  const same = (a1: Point, a2: Point, b1: Point, b2: Point) => curve.pairingEq(G1.neg(a1), a2, b1, b2)
  for (const i of [0, 1] as const) {
    if (!(await same(inG1[i]!, G2.g, G1.g, after[i]))) faults.push(i === 0 ? 'ratio-1' : 'ratio-2')
  }
  if (after.some((point, i) => G2.eq(point, before[i]!))) faults.push('idle')
  if (await same(inG1[0]!, before[1], inG1[1]!, before[0])) faults.push('same-factor')
  if (step.beacon === undefined) {
    const known = await checkKnowledge({ ...step, previousHash }, before, after, step.deltas)
    if (!known[0]) faults.push('knowledge-1')
    if (!known[1]) faults.push('knowledge-2')
  } else {
    const factors = await beaconFactors(step.beacon, previousHash, signal)
    if (after.some((point, i) => !G2.eq(point, G2.timesScalar(before[i]!, factors[i]!)))) faults.push('beacon')
  }
  return { faults, after }
}

/** Whether a file of points has the δ of the transcript. */
export async function deltaFaults(points: StepPoints, deltas: TwoRoundStep['deltas']): Promise<CheckName[]> {
  for (const [i, delta] of points.deltas.entries()) {
    const found = await recordOf(delta)
    if (found.g1 !== deltas[i]!.g1 || found.g2 !== deltas[i]!.g2) return ['deltas']
  }
  return []
}

/**
 * The checks that need neither circuit nor powers, to run before a secret touches the points of the last step: the records of all steps,
 * and that every point is on its curve, because the orders of other points would reveal the secret. Throws CeremonyError
 * `invalid-contribution`.
 */
export async function requireSoundRecords(
  transcript: TwoRoundTranscript,
  points: StepPoints,
  signal?: AbortSignal,
): Promise<void> {
  const { G2 } = await loadCurve()
  const refuse = (number: number, check: CheckName) => {
    const name = transcript.steps[number - 1]?.name ?? 'the initial points'
    return new CeremonyError(
      'invalid-contribution',
      `step ${number} (${name}): ${faultOf(check)}; go on from the folder as it was before that step`,
    )
  }
  let deltas: Deltas = [G2.g, G2.g]
  for (const [i, step] of transcript.steps.entries()) {
    const { faults, after } = await recordFaults(step, previousHashOf(transcript, i), deltas, signal)
    if (faults[0] !== undefined || after === null) throw refuse(i + 1, faults[0] ?? 'group')
    deltas = after
  }
  const last = transcript.steps.at(-1)
  const fine = last === undefined ? await isInitial(points) : (await deltaFaults(points, last.deltas)).length === 0
  if (!fine) throw refuse(transcript.steps.length, 'deltas')
  if (!onCurve(await newMemory(), points)) throw refuse(transcript.steps.length, 'curve')
}

/** The δ of an initial file are 1. */
export async function isInitial(points: StepPoints): Promise<boolean> {
  const { G1, G2 } = await loadCurve()
  for (const { g1, g2 } of points.deltas) {
    if (
      !G1.eq(await fromFileForm('G1', g1), G1.g) ||
      (await g2ToHex(await fromFileForm('G2', g2))) !== (await g2ToHex(G2.g))
    )
      return false
  }
  return true
}

function drawWeights(count: number): Uint8Array {
  const weights = new Uint8Array(count * FIELD_BYTES)
  for (let i = 0; i < count; i++) {
    crypto.getRandomValues(weights.subarray(i * FIELD_BYTES, i * FIELD_BYTES + WEIGHT_BYTES))
  }
  return weights
}

function weightAt(weights: Uint8Array, index: number): bigint {
  const view = new DataView(weights.buffer, weights.byteOffset + index * FIELD_BYTES)
  return view.getBigUint64(0, true) | (view.getBigUint64(8, true) << 64n)
}

function sumOf(memory: CurveMemory, points: Uint8Array, scalars: Uint8Array): Point {
  const mark = memory.mark()
  const result = new MultiExp(memory, 'g1', points).sum(memory.allocBytes(scalars))
  memory.release(mark)
  return result
}

function onCurve(memory: CurveMemory, points: StepPoints): boolean {
  const { affine } = POINT_BYTES.g1
  const [inCurve, isZero] = [memory.kernel('g1m_inCurveAffine'), memory.kernel('g1m_isZeroAffine')]
  const mark = memory.mark()
  let fine = true
  for (const list of Object.keys(POINT_LISTS) as PointList[]) {
    const base = memory.allocBytes(points[list])
    for (let at = base; at < base + points[list].byteLength && fine; at += affine) {
      fine = isZero(at) !== 0 || inCurve(at) !== 0
    }
  }
  memory.release(mark)
  return fine
}
