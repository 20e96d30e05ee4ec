// SPDX-License-Identifier: GPL-3.0-or-later
// Checking a ceremony in two rounds from its public files: circuit, powers, and every step with all its points. One file of points is in
// memory at a time.
import { readFile } from 'node:fs/promises'
import { loadCurve } from '../../setup/curve-memory.ts'
import { checkPartition } from '../../setup/partition.ts'
import { domainPower } from '../../setup/qap.ts'
import { CeremonyError } from '../errors.ts'
import { type CeremonyFiles, type CeremonyOptions, requireSameCircuit, requireSamePowers } from '../rules.ts'
import {
  type CheckName,
  type Deltas,
  deltaFaults,
  expectedSums,
  faultOf,
  isInitial,
  pointFaults,
  recordFaults,
} from './checks.ts'
import { readLagrangePoints } from './lagrange.ts'
import { circuitHashOf, previousHashOf } from './record.ts'
import { readNamedPoints, shapeOfTranscript } from './steps.ts'
import type { TwoRoundTranscript } from './transcript.ts'

/** A check that a step fails; 0 stands for the initial points. */
export type StepFault = { readonly step: number; readonly check: CheckName }

/** Throws CeremonyError with the first thing that does not hold. */
export async function verifyTwoRounds(
  files: CeremonyFiles,
  transcript: TwoRoundTranscript,
  options: CeremonyOptions,
): Promise<void> {
  for await (const { step, check } of ceremonyFaults(files, transcript, options)) {
    const who = step === 0 ? 'the initial points' : `step ${step} (${transcript.steps[step - 1]!.name})`
    throw new CeremonyError('invalid-contribution', `${who}: ${faultOf(check)}`)
  }
}

/**
 * Everything that does not hold, step by step. It goes on after a fault, so that a test sees which checks stand between a forgery and its
 * acceptance. Throws CeremonyError where files and transcript do not belong together.
 */
export async function* ceremonyFaults(
  files: CeremonyFiles,
  transcript: TwoRoundTranscript,
  options: CeremonyOptions = {},
): AsyncGenerator<StepFault> {
  const { folder, ptau } = files
  const { signal, onProgress } = options
  const r1cs = requireSameCircuit(transcript, await readFile(files.r1cs), files.r1cs)
  const shape = shapeOfTranscript(transcript)
  checkPartition(r1cs, shape, files.r1cs)
  await requireSamePowers(transcript, files, options)
  const { circuit, powersOfTau, circuitHash, initialPointsSha256 } = transcript
  const hashed = { ...circuit, shape, ptauBlake2b: powersOfTau.blake2b, pointsSha256: initialPointsSha256 }
  if (circuitHashOf(hashed) !== circuitHash) {
    throw new CeremonyError('transcript-mismatch', 'the circuit hash is not that of circuit, powers and initial points')
  }
  onProgress?.('summing up the powers of tau')
  const power = domainPower(r1cs.header)
  const powers = await readLagrangePoints(ptau, power, ['tau', 'alphaTau', 'betaTau', 'h'])
  const expected = await expectedSums(r1cs, shape, powers)
  const { G2 } = await loadCurve()
  let deltas: Deltas = [G2.g, G2.g]
  for (let index = 0; index <= transcript.steps.length; index++) {
    signal?.throwIfAborted()
    onProgress?.(`checking step ${index} of ${transcript.steps.length}`)
    const points = await readNamedPoints(folder, transcript, index)
    if (points.size.domainSize !== 2 ** power) {
      throw new CeremonyError('transcript-mismatch', `the points after step ${index} are for another domain`)
    }
    const step = transcript.steps[index - 1]
    if (step === undefined) {
      if (!(await isInitial(points))) yield { step: index, check: 'deltas' }
    } else {
      const { faults, after } = await recordFaults(step, previousHashOf(transcript, index - 1), deltas, signal)
      for (const check of faults) yield { step: index, check }
      if (after === null) return
      deltas = after
      for (const check of await deltaFaults(points, step.deltas)) yield { step: index, check }
    }
    for (const check of await pointFaults(points, deltas, expected)) yield { step: index, check }
  }
}
