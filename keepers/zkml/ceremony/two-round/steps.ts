// SPDX-License-Identifier: GPL-3.0-or-later
// The steps of a ceremony for Groth16 in two rounds: initial points, contributions, beacon. docs/ceremony.md says why one honest contributor
// suffices.
import { randomBytes } from 'node:crypto'
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { sha256, sha256File } from '../../setup/metadata.ts'
import { checkPartition } from '../../setup/partition.ts'
import { domainPower } from '../../setup/qap.ts'
import { parseR1cs } from '../../setup/r1cs.ts'
import type { TwoRoundShape } from '../../setup/two-round-shape.ts'
import { CeremonyError } from '../errors.ts'
import { type CeremonyOptions, powersFor, requireOpen, type StartInput } from '../rules.ts'
import { writeTranscript } from '../transcript.ts'
import { requireSoundRecords } from './checks.ts'
import { fromFileForm } from './encoding.ts'
import { readLagrangePoints } from './lagrange.ts'
import { advance, initialPoints, type StepProgress } from './points.ts'
import { readStepPoints, type StepPoints, writeStepPoints } from './points-file.ts'
import {
  beaconFactors,
  circuitHashOf,
  contributionHashOf,
  drawFactors,
  type Factors,
  previousHashOf,
  proveFactors,
  recordOf,
} from './record.ts'
import type { TwoRoundStep, TwoRoundTranscript } from './transcript.ts'

/** How the wires of a circuit in two rounds are divided. */
export type Rounds = { readonly challenges: number; readonly firstRound: number }

/** The points after `steps` steps: 0000.points are the initial ones. */
export function pointsPath(folder: string, steps: number): string {
  return join(folder, `${String(steps).padStart(4, '0')}.points`)
}

/** Begins a ceremony in an empty folder. Throws SetupError unless the second round is determined (see checkPartition). */
export async function startTwoRounds(
  input: StartInput & { readonly rounds: Rounds },
  options: CeremonyOptions,
): Promise<TwoRoundTranscript> {
  const { r1cs: path, ptau, folder, rounds } = input
  const file = await readFile(path)
  const r1cs = parseR1cs(file, path)
  const { constraints, variables } = r1cs.header
  const shape = { ...rounds, publicSignals: r1cs.header.publicSignals - rounds.challenges }
  checkPartition(r1cs, shape, path)
  const powersOfTau = await powersFor(r1cs.header, input, options)
  const powers = await readLagrangePoints(ptau, domainPower(r1cs.header), ['tau', 'alphaTau', 'betaTau', 'h'])
  const points = await initialPoints(r1cs, shape, powers, progressOf('computing the initial key', options))
  await mkdir(folder, { recursive: true })
  const target = pointsPath(folder, 0)
  await writeStepPoints(target, points)
  const r1csSha256 = sha256(file)
  const initialPointsSha256 = await sha256File(target)
  const hashed = { r1csSha256, shape, ptauBlake2b: powersOfTau.blake2b, pointsSha256: initialPointsSha256 }
  const transcript: TwoRoundTranscript = {
    format: 'cohort-ceremony',
    version: 2,
    system: 'groth16-lookup',
    circuit: { r1csSha256, constraints, variables, ...shape },
    powersOfTau,
    circuitHash: circuitHashOf(hashed),
    initialPointsSha256,
    startedAt: new Date().toISOString(),
    steps: [],
  }
  await writeTranscript(folder, transcript)
  return transcript
}

/** Adds a contribution with factors from the system's generator and the typed text. */
export async function contributeInTwoRounds(
  transcript: TwoRoundTranscript,
  input: { readonly folder: string; readonly name: string; readonly entropy?: string },
  options: CeremonyOptions,
): Promise<TwoRoundStep> {
  const randomness = randomBytes(64)
  const factors = drawFactors(randomness, input.entropy ?? '')
  randomness.fill(0)
  return addStep(input.folder, transcript, { kind: 'contribution', name: input.name }, factors, options)
}

/** Adds the beacon's step: anyone can compute its factors. */
export async function applyBeaconInTwoRounds(
  transcript: TwoRoundTranscript,
  folder: string,
  beacon: NonNullable<TwoRoundStep['beacon']>,
  options: CeremonyOptions,
): Promise<TwoRoundStep> {
  requireOpen(transcript)
  options.onProgress?.('hashing the beacon')
  const factors = await beaconFactors(beacon, previousHashOf(transcript, transcript.steps.length), options.signal)
  return addStep(folder, transcript, { kind: 'beacon', name: 'beacon', beacon }, factors, options)
}

/** One step with given factors; a test gives its own. */
export async function addStep(
  folder: string,
  transcript: TwoRoundTranscript,
  said: Pick<TwoRoundStep, 'kind' | 'name' | 'beacon'>,
  factors: Factors,
  options: CeremonyOptions,
): Promise<TwoRoundStep> {
  requireOpen(transcript)
  const number = transcript.steps.length + 1
  const before = await readNamedPoints(folder, transcript, transcript.steps.length)
  options.onProgress?.('checking the records of the steps before')
  await requireSoundRecords(transcript, before, options.signal)
  options.signal?.throwIfAborted()
  const after = await advance(before, factors, progressOf(`computing step ${number}:`, options))
  const target = pointsPath(folder, number)
  await writeStepPoints(target, after)
  const step = await recordStep(transcript, said, before, after, factors, await sha256File(target))
  await writeTranscript(folder, { ...transcript, steps: [...transcript.steps, step] })
  return step
}

async function recordStep(
  transcript: TwoRoundTranscript,
  said: Pick<TwoRoundStep, 'kind' | 'name' | 'beacon'>,
  before: StepPoints,
  after: StepPoints,
  factors: Factors,
  pointsSha256: string,
): Promise<TwoRoundStep> {
  const previousHash = previousHashOf(transcript, transcript.steps.length)
  const bases = [await fromFileForm('G2', before.deltas[0].g2), await fromFileForm('G2', before.deltas[1].g2)] as const
  let deltas: TwoRoundStep['deltas'] = [await recordOf(after.deltas[0]), await recordOf(after.deltas[1])]
  if (said.kind === 'contribution') {
    const nonces = drawFactors(randomBytes(64), '')
    const proofs = await proveFactors({ ...said, previousHash }, bases, deltas, factors, nonces)
    deltas = [
      { ...deltas[0], proof: proofs[0] },
      { ...deltas[1], proof: proofs[1] },
    ]
  }
  const step = { ...said, pointsSha256, deltas }
  return { ...step, contributionHash: contributionHashOf(previousHash, step), at: new Date().toISOString() }
}

/** The points after so many steps: the ones that the transcript names, of its circuit's size. */
export async function readNamedPoints(
  folder: string,
  transcript: TwoRoundTranscript,
  index: number,
): Promise<StepPoints> {
  const path = pointsPath(folder, index)
  const expected = transcript.steps[index - 1]?.pointsSha256 ?? transcript.initialPointsSha256
  const points = await readStepPoints(path, expected)
  const { circuit } = transcript
  const { shape, variables } = points.size
  const same =
    variables === circuit.variables &&
    shape.publicSignals === circuit.publicSignals &&
    shape.challenges === circuit.challenges &&
    shape.firstRound === circuit.firstRound
  if (!same) {
    const what = `${path} holds points for a circuit of another size than the transcript’s`
    throw new CeremonyError('transcript-mismatch', what)
  }
  return points
}

/** The division that a transcript states. */
export function shapeOfTranscript({ circuit }: TwoRoundTranscript): TwoRoundShape {
  const { publicSignals, challenges, firstRound } = circuit
  return { publicSignals, challenges, firstRound }
}

export function progressOf(what: string, { signal, onProgress }: CeremonyOptions): StepProgress {
  return {
    ...(signal === undefined ? {} : { signal }),
    onProgress: (done, total) => onProgress?.(`${what} ${Math.floor((100 * done) / total)} %`),
  }
}
