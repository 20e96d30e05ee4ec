// SPDX-License-Identifier: GPL-3.0-or-later
// The plan for proofs of a service's model: the one with the most room for weights to grow that still judges as the float
// network does.
import { type ModelSpec, modelJson } from '../learning/index.ts'
import {
  accuracyOf,
  buildWithPlan,
  CompileError,
  calibrate,
  floatScores,
  type Graph,
  type IntegerProgram,
  importTfjs,
  type Plan,
  programScores,
} from '../zkml/index.ts'
import { rowsOf, type Sample } from './sample.ts'
import type { Trial } from './trial.ts'

/** Samples that set the scales, and that judge. */
const CALIBRATION = 500
const JUDGED = 500
/** Room for weights, the most first. */
const HEADROOMS = [4, 3, 2, 1.5]
/** Bits of an activation, the most first: many layers of unknown weights leave no room for eight. */
const ACTIVATION_BITS = [8, 7, 6]
/** Accuracy that integers may lose before less room is tried. */
const TOLERABLE_LOSS = 0.005
/** Sixteen greys of a picture; a payload carries a byte for each value of a table. */
const INPUT_BITS = { picture: 4, table: 8 } as const
/** How much further than the sample's a column may reach before an input is refused. */
const REACH = 1.25

export type Calibration = {
  readonly plan: Plan
  /** With the trial's last weights. */
  readonly program: IntegerProgram
  readonly headroom: number
  /** On what judges; 0 … 1. */
  readonly floatAccuracy: number
  readonly accuracy: number
  /** Largest share of weights that were clipped in any version of the trial. */
  readonly clippedShare: number
}

/** @throws CompileError when no plan proves the model, naming the layer; the signal's reason */
export function calibratePlan(spec: ModelSpec, sample: Sample, trial: Trial, signal?: AbortSignal): Calibration {
  const last = trial.weights.at(-1)!
  const graph = graphOf(spec, last)
  const { inputs } = rowsOf(sample.train, CALIBRATION)
  const judged = rowsOf(sample.test, JUDGED)
  const work = signal === undefined ? {} : { signal }
  const floatAccuracy = accuracyOf(floatScores(graph, judged.inputs, work), judged.labels)
  const inputRange = rangeOf(sample, inputs)
  let best: Calibration | null = null
  let refusal: unknown = null
  for (const headroom of HEADROOMS) {
    for (const bits of ACTIVATION_BITS) {
      const knobs = {
        inputBits: INPUT_BITS[sample.input.kind],
        weightBits: { default: 8 },
        activationBits: { default: bits },
        headroom,
      }
      try {
        const { plan, program } = calibrate(graph, inputs, { mode: 'committed', knobs, inputRange })
        const accuracy = accuracyOf(programScores(program, judged.inputs, work), judged.labels)
        const found = { plan, program, headroom, floatAccuracy, accuracy, clippedShare: clippedBy(spec, plan, trial) }
        if (best === null || rank(found) > rank(best)) best = found
        break
      } catch (error) {
        if (!(error instanceof CompileError) || error.code !== 'bound-exceeded') throw error
        refusal = error
      }
    }
    if (best !== null && best.accuracy >= floatAccuracy - TOLERABLE_LOSS && best.clippedShare === 0) break
  }
  if (best === null) throw refusal
  return best
}

/** Fewer clipped weights are better, then higher accuracy. */
const rank = ({ accuracy, clippedShare }: Calibration): number => accuracy - 10 * clippedShare

function clippedBy(spec: ModelSpec, plan: Plan, trial: Trial): number {
  const clipped = trial.weights.map((weights) =>
    buildWithPlan(graphOf(spec, weights), plan).clipping.reduce((sum, entry) => sum + entry.clipped, 0),
  )
  return Math.max(...clipped) / spec.parameterCount
}

function rangeOf(sample: Sample, inputs: readonly Float64Array[]): { min: number; max: number } {
  if (sample.input.kind === 'picture') return { min: 0, max: 1 }
  let furthest = 1
  for (const row of inputs) for (const value of row) furthest = Math.max(furthest, Math.abs(value))
  return { min: -REACH * furthest, max: REACH * furthest }
}

function graphOf(spec: ModelSpec, weights: Float32Array): Graph {
  const { buffer, byteOffset, byteLength } = weights
  return importTfjs(JSON.stringify(modelJson({ spec, weights })), () => new Uint8Array(buffer, byteOffset, byteLength))
}
