// SPDX-License-Identifier: GPL-3.0-or-later
// The points of a ceremony in two rounds: those that it begins with, where both δ are 1, and those after a step.
import { setImmediate } from 'node:timers/promises'
import { SCALAR_FIELD } from '../../bn254.ts'
import { inverse } from '../../kernel/kernel.ts'
import { type CurveMemory, concatenate, loadCurve, POINT_BYTES } from '../../setup/curve-memory.ts'
import { SCALARS_PER_BATCH } from '../../setup/fixed-base.ts'
import { domainPower } from '../../setup/qap.ts'
import type { R1cs } from '../../setup/r1cs.ts'
import { bordersOf, type TwoRoundShape } from '../../setup/two-round-shape.ts'
import { fromFileForm, toFileForm } from './encoding.ts'
import type { LagrangePoints } from './lagrange.ts'
import { newMemory } from './memory.ts'
import { type DeltaPoints, POINT_LISTS, type PointList, type StepPoints } from './points-file.ts'
import type { Factors } from './record.ts'
import { Scaler } from './scale.ts'
import { type Source, wirePoints, wireTerms } from './wire-terms.ts'

export type StepProgress = {
  readonly signal?: AbortSignal
  readonly onProgress?: (done: number, total: number) => void
}

/** K = β·A(τ) + α·B(τ) + C(τ) of each wire from the powers of tau; the H query is among them as it is. */
export async function initialPoints(
  r1cs: R1cs,
  shape: TwoRoundShape,
  powers: LagrangePoints,
  progress: StepProgress = {},
): Promise<StepPoints> {
  const memory = await newMemory()
  const { variables } = r1cs.header
  const { firstRound, secondRound } = bordersOf(shape)
  const sources = sourcesOfK(memory, r1cs, powers)
  const total = variables - firstRound
  let done = 0
  const list = async (from: number, to: number) => {
    const parts: Uint8Array[] = []
    for (const part of wirePoints(memory, 'g1', sources, [from, to])) {
      parts.push(part)
      done += part.byteLength / POINT_BYTES.g1.affine
      progress.onProgress?.(done, total)
      await pause(progress)
    }
    return concatenate(parts)
  }
  const commitment = await list(firstRound, secondRound)
  const c = await list(secondRound, variables)
  const { G1, G2 } = await loadCurve()
  const one = async (): Promise<DeltaPoints> => ({ g1: await toFileForm('G1', G1.g), g2: await toFileForm('G2', G2.g) })
  const size = { shape, variables, domainSize: 2 ** domainPower(r1cs.header) }
  return { size, deltas: [await one(), await one()], commitment, c, h: powers.h }
}

/** The terms and Lagrange points that K consists of, for every wire. */
export function sourcesOfK(memory: CurveMemory, r1cs: R1cs, powers: LagrangePoints): Source[] {
  const [a, b, c] = wireTerms(r1cs)
  return [
    { terms: a, points: memory.allocBytes(powers.betaTau) },
    { terms: b, points: memory.allocBytes(powers.alphaTau) },
    { terms: c, points: memory.allocBytes(powers.tau) },
  ]
}

/** Multiplies each δ by its factor and divides the points over it. */
export async function advance(before: StepPoints, factors: Factors, progress: StepProgress = {}): Promise<StepPoints> {
  const { G1, G2 } = await loadCurve()
  const delta = async ({ g1, g2 }: DeltaPoints, factor: bigint): Promise<DeltaPoints> => ({
    g1: await toFileForm('G1', G1.timesScalar(await fromFileForm('G1', g1), factor)),
    g2: await toFileForm('G2', G2.timesScalar(await fromFileForm('G2', g2), factor)),
  })
  const deltas = [await delta(before.deltas[0], factors[0]), await delta(before.deltas[1], factors[1])] as const
  const memory = await newMemory()
  const lists = Object.entries(POINT_LISTS) as [PointList, 0 | 1][]
  const total = lists.reduce((sum, [list]) => sum + before[list].byteLength / POINT_BYTES.g1.affine, 0)
  let done = 0
  const scaled = {} as Record<PointList, Uint8Array>
  for (const [list, index] of lists) {
    const scaler = new Scaler(memory, inverse(factors[index], SCALAR_FIELD))
    const parts: Uint8Array[] = []
    const bytes = SCALARS_PER_BATCH * POINT_BYTES.g1.affine
    for (let at = 0; at < before[list].byteLength; at += bytes) {
      const batch = before[list].subarray(at, at + bytes)
      parts.push(scaler.multiply(batch))
      done += batch.byteLength / POINT_BYTES.g1.affine
      progress.onProgress?.(done, total)
      await pause(progress)
    }
    scaled[list] = concatenate(parts)
  }
  return { size: before.size, deltas, ...scaled }
}

/** Lets Ctrl-C in between batches. */
async function pause({ signal }: StepProgress): Promise<void> {
  await setImmediate()
  signal?.throwIfAborted()
}
