// SPDX-License-Identifier: GPL-3.0-or-later
// Steps of a ceremony in two rounds by someone who keeps the rules only where it suits them, and proofs by someone who knows δ₂.
import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { SCALAR_FIELD } from '../../../../keepers/zkml/bn254.ts'
import { writeTranscript } from '../../../../keepers/zkml/ceremony/transcript.ts'
import { fromFileForm } from '../../../../keepers/zkml/ceremony/two-round/encoding.ts'
import { finalizeTwoRounds } from '../../../../keepers/zkml/ceremony/two-round/finalize.ts'
import { advance } from '../../../../keepers/zkml/ceremony/two-round/points.ts'
import {
  readStepPoints,
  type StepPoints,
  writeStepPoints,
} from '../../../../keepers/zkml/ceremony/two-round/points-file.ts'
import {
  beaconFactors,
  contributionHashOf,
  drawFactors,
  type Factors,
  previousHashOf,
  proveFactors,
  recordOf,
} from '../../../../keepers/zkml/ceremony/two-round/record.ts'
import { addStep, pointsPath } from '../../../../keepers/zkml/ceremony/two-round/steps.ts'
import type { TwoRoundStep } from '../../../../keepers/zkml/ceremony/two-round/transcript.ts'
import { inverse } from '../../../../keepers/zkml/kernel/kernel.ts'
import type { TwoRoundProof } from '../../../../keepers/zkml/prove/two-round-proof.ts'
import { loadCurve } from '../../../../keepers/zkml/setup/curve-memory.ts'
import { sha256File } from '../../../../keepers/zkml/setup/metadata.ts'
import { parseTwoRoundZkey } from '../../../../keepers/zkml/setup/two-round-zkey.ts'
import {
  challengesOf,
  type TwoRoundKey,
  twoRoundKeyHash,
  twoRoundKeyOf,
} from '../../../../keepers/zkml/verifier/two-round-key.ts'
import type { G1Point } from '../../../../keepers/zkml/verifier/verification-key.ts'
import { BEACON, type CeremonyStage } from './two-round-stage.ts'

export const draw = (): Factors => drawFactors(randomBytes(64), '')

type Recorded = Omit<TwoRoundStep, 'contributionHash' | 'at'>

export type ForgedStep = {
  readonly said?: Pick<TwoRoundStep, 'kind' | 'name' | 'beacon'>
  readonly points: (before: StepPoints) => Promise<StepPoints>
  /** What the proofs of knowledge are made for. */
  readonly factors?: Factors
  readonly record?: (step: Recorded) => Recorded
}

export async function contribution(
  stage: CeremonyStage,
  folder: string,
  name: string,
  factors: Factors,
): Promise<void> {
  await addStep(folder, await stage.transcript(folder), { kind: 'contribution', name }, factors, {})
}

/** Adds a step that has whatever points and record the forgery gives, with the right hash and, of the factors, the right proofs. */
export async function addForgedStep(stage: CeremonyStage, folder: string, forgery: ForgedStep): Promise<void> {
  const { said = { kind: 'contribution', name: 'Mallory' }, points, factors = draw(), record } = forgery
  const transcript = await stage.transcript(folder)
  const { length } = transcript.steps
  const before = await readStepPoints(pointsPath(folder, length))
  const after = await points(before)
  const path = pointsPath(folder, length + 1)
  await writeStepPoints(path, after)
  const previousHash = previousHashOf(transcript, length)
  const bases = [await fromFileForm('G2', before.deltas[0].g2), await fromFileForm('G2', before.deltas[1].g2)] as const
  let deltas: TwoRoundStep['deltas'] = [await recordOf(after.deltas[0]), await recordOf(after.deltas[1])]
  if (said.kind === 'contribution') {
    const proofs = await proveFactors({ ...said, previousHash }, bases, deltas, factors, draw())
    deltas = [
      { ...deltas[0], proof: proofs[0] },
      { ...deltas[1], proof: proofs[1] },
    ]
  }
  const made: Recorded = { ...said, pointsSha256: await sha256File(path), deltas }
  const step = record === undefined ? made : record(made)
  const contributionHash = contributionHashOf(previousHash, step)
  const whole = { ...step, contributionHash, at: new Date().toISOString() }
  await writeTranscript(folder, { ...transcript, steps: [...transcript.steps, whole] })
}

/** The beacon's step, on whatever came before. */
export async function addBeacon(stage: CeremonyStage, folder: string): Promise<void> {
  const transcript = await stage.transcript(folder)
  const factors = await beaconFactors(BEACON, previousHashOf(transcript, transcript.steps.length))
  const said = { kind: 'beacon', name: 'beacon', beacon: BEACON } as const
  await addForgedStep(stage, folder, { said, points: (before) => advance(before, factors) })
}

/** The key of a ceremony that nobody verified. */
export async function uncheckedKey(
  stage: CeremonyStage,
  folder: string,
): Promise<{ zkey: Uint8Array; key: TwoRoundKey }> {
  const zkeyPath = `${folder}.zkey`
  await finalizeTwoRounds({ ...stage.files(folder), zkeyPath }, await stage.transcript(folder), {})
  const zkey = new Uint8Array(await readFile(zkeyPath))
  return { zkey, key: await twoRoundKeyOf(parseTwoRoundZkey(zkey)) }
}

/**
 * A proof of anything, by whoever knows δ₂: A = α, B = β, C₁ = 1, and C₂ is the rest of the equation over δ₂. No wire of the circuit
 * is asked for.
 */
export async function forgeWithDelta(
  zkey: Uint8Array,
  key: TwoRoundKey,
  deltaSecond: bigint,
  signals: readonly bigint[],
): Promise<TwoRoundProof> {
  const { G1 } = await loadCurve()
  const point = ([x, y]: G1Point) => G1.fromObject([x, y, 1n])
  const pair = (p: Uint8Array) => G1.toObject(G1.toAffine(p)).slice(0, 2) as unknown as G1Point
  const commitment = pair(G1.g)
  const challenges = challengesOf(twoRoundKeyHash(key), key.shape.challenges, commitment, signals)
  // δ₁ in G1 follows α₁, β₁, β₂ and γ₂ in the header.
  const { header } = parseTwoRoundZkey(zkey).sections
  let rest = G1.fromRprLEM(header, header.byteLength - 2 * (64 + 128))
  for (const [i, value] of [1n, ...signals, ...challenges].entries()) {
    rest = G1.add(rest, G1.timesScalar(point(key.ic[i]!), value))
  }
  const c = pair(G1.neg(G1.timesScalar(rest, inverse(deltaSecond, SCALAR_FIELD))))
  return { a: key.alpha, b: key.beta, commitment, c }
}
