// SPDX-License-Identifier: GPL-3.0-or-later
// Chooses the circuit plan of a service's model: the one that leaves weights the most room to grow and still judges as the float network
// does.
import type { ModelSpec } from '../learning/index.ts'
import { type PlannedModel, provableGraph } from '../versions/index.ts'
import {
  buildWithPlan,
  CompileError,
  calibrate,
  floatScores,
  type IntegerProgram,
  type OutputSpec,
  type Plan,
  programScores,
} from '../zkml/index.ts'
import { judge } from './judge.ts'
import { rowsOf, type Sample } from './sample.ts'
import type { Trial } from './trial.ts'

/** How many samples set the scales; below, how many judge. */
const CALIBRATION = 500
const JUDGED = 500
/** Factors by which weights may grow, the largest first. */
const HEADROOMS = [4, 3, 2, 1.5]
/** Bits of an activation, the most first. With many layers of unknown weights, there may be no room for eight. */
const ACTIVATION_BITS = [8, 7, 6]
/** Accuracy that integers may lose before less room is tried. */
const TOLERABLE_LOSS = 0.005
/** Bits of an input. A picture has sixteen greys, a table a byte for each value. A word is in a text or not (1 bit), or is a share of it. */
const INPUT_BITS = { picture: 4, table: 8, text: 1, share: 8, tensor: 8 } as const
/** Bits of a weight. For an amount, the few weights of the last layer carry the unit, so they get more. */
const WEIGHT_BITS = 8
const AMOUNT_BITS = { least: 14, most: 24, beside: 7 } as const
/** Factor by which a column may exceed its range in the sample before an input is refused. */
const REACH = 1.25

/** What a proof shows. Of several labels, each is proven by itself: whether its score is above zero, that is its probability above one half. */
const OUTPUT_OF: Record<Sample['task']['kind'], OutputSpec> = {
  classification: { kind: 'label' },
  labels: { kind: 'score', index: 0, threshold: 0 },
  regression: { kind: 'value' },
}

export type Calibration = {
  readonly plan: Plan
  /** The program with the trial's last weights. */
  readonly program: IntegerProgram
  readonly headroom: number
  /** On the judging samples: accuracy, 0 … 1; for amounts R². */
  readonly floatAccuracy: number
  readonly accuracy: number
  /** Largest share of weights that were clipped in any version of the trial. */
  readonly clippedShare: number
}

/** @throws CompileError when no plan proves the model, naming the layer; the signal's reason */
export function calibratePlan(spec: ModelSpec, sample: Sample, trial: Trial, signal?: AbortSignal): Calibration {
  const last = trial.weights.at(-1)!
  const { task } = sample
  const model = { spec, ...(task.kind === 'regression' ? { target: task.target } : {}) }
  const graph = provableGraph(model, last)
  // The last layer is the last node with weights; an amount's goes by its parameters' name.
  const lastLayer = spec.parameters.at(-1)!.name.replace(/\/[^/]*$/, '')
  const { inputs } = rowsOf(sample.train, CALIBRATION)
  const judged = rowsOf(sample.test, JUDGED)
  const work = signal === undefined ? {} : { signal }
  const floatAccuracy = judge(task, floatScores(graph, judged.inputs, work), judged)
  const inputRange = rangeOf(sample, inputs)
  let best: Calibration | null = null
  let refusal: unknown = null
  for (const headroom of HEADROOMS) {
    for (const bits of ACTIVATION_BITS) {
      const knobs = {
        inputBits: inputBits(sample.input),
        weightBits: {
          default: WEIGHT_BITS,
          ...(task.kind === 'regression' ? { layers: { [lastLayer]: amountBits(task.target.deviation) } } : {}),
        },
        activationBits: { default: bits },
        headroom,
      }
      try {
        const { plan, program } = calibrate(graph, inputs, {
          ...{ mode: 'committed', knobs, inputRange, output: OUTPUT_OF[task.kind] },
        })
        const accuracy = judge(task, programScores(program, judged.inputs, work), judged)
        const found = {
          plan,
          program,
          headroom,
          floatAccuracy,
          accuracy,
          clippedShare: clippedBy({ ...model, plan }, trial),
        }
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

function inputBits(input: Sample['input']): number {
  return INPUT_BITS[input.kind === 'text' && input.tokenizer.pooling !== undefined ? 'share' : input.kind]
}

/** Enough bits for an amount's steps to stay below one of its unit, even if amounts are large. */
function amountBits(deviation: number): number {
  const { least, most, beside } = AMOUNT_BITS
  return Math.min(most, Math.max(least, beside + Math.ceil(Math.log2(deviation))))
}

/** Less clipping is better; on a tie, the better accuracy wins. */
const rank = ({ accuracy, clippedShare }: Calibration): number => accuracy - 10 * clippedShare

function clippedBy(model: PlannedModel, trial: Trial): number {
  const clipped = trial.weights.map((weights) =>
    buildWithPlan(provableGraph(model, weights), model.plan).clipping.reduce((sum, entry) => sum + entry.clipped, 0),
  )
  return Math.max(...clipped) / model.spec.parameterCount
}

function rangeOf(sample: Sample, inputs: readonly Float64Array[]): { min: number; max: number } {
  const { input, task } = sample
  const reach = reachOf(input, inputs)
  if (reach === null) return { min: 0, max: 1 }
  if (task.kind !== 'regression') {
    const positive = input.kind === 'tensor' && input.scale.every(({ mean, min }) => min >= mean)
    return { min: positive ? 0 : -reach, max: reach }
  }
  // A step that is a power of two makes the steps of the amount one, so that its scale on the chain is exact.
  const step = 2 ** Math.ceil(Math.log2(reach / 2 ** (INPUT_BITS.table - 1)))
  return { min: -step * 2 ** (INPUT_BITS.table - 1), max: step * (2 ** (INPUT_BITS.table - 1) - 1) }
}

/** How far from zero an input of the model may be; null for inputs from 0 to 1. */
function reachOf(input: Sample['input'], inputs: readonly Float64Array[]): number | null {
  // The whole range that a member's file may hold must be provable.
  if (input.kind === 'tensor') return Math.max(...input.scale.flatMap(scaledRange).map(Math.abs))
  if (input.kind !== 'table') return null
  let furthest = 1
  for (const row of inputs) for (const value of row) furthest = Math.max(furthest, Math.abs(value))
  return REACH * furthest
}

const scaledRange = ({ mean, deviation, min, max }: { mean: number; deviation: number; min: number; max: number }) =>
  [min, max].map((value) => (value - mean) / deviation)
