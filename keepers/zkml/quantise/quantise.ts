// SPDX-License-Identifier: GPL-3.0-or-later
// Float graph → integer program: calibrate to get a plan, then build from the plan.
import { CompileError } from '../graph/errors.ts'
import { evaluateAll } from '../graph/evaluate.ts'
import { elementCount, type IntegerProgram, type Mode, type OutputSpec, tensorOf } from '../graph/program.ts'
import type { Graph, ValueName } from '../graph/types.ts'
import { calibratingDecider, plannedDecider } from './decide.ts'
import { type Lowered, lower } from './lower.ts'
import { DEFAULT_KNOBS, type Knobs, type LayerPlan, type Plan, requireKnobs } from './plan.ts'

/** What the owner wants proven. A score's threshold is a real number here; the plan holds the integer that stands for it. */
export type OutputChoice = OutputSpec

export type QuantiseOptions = {
  readonly mode: Mode
  readonly knobs?: Partial<Knobs>
  readonly output?: OutputChoice
  /** Real range of an input value; by default what the calibration samples span, and zero. */
  readonly inputRange?: { readonly min: number; readonly max: number }
}

export type Calibrated = Lowered & { readonly plan: Plan }

/** Largest magnitude of every value of `graph` over the samples: what calibration knows of the data. */
export function measurePeaks(graph: Graph, samples: readonly ArrayLike<number>[]): ReadonlyMap<ValueName, number> {
  if (samples.length === 0)
    throw new CompileError('invalid-option', 'calibration needs at least one input sample, found none')
  const peaks = new Map<ValueName, number>()
  for (const sample of samples)
    for (const [name, { data }] of evaluateAll(graph, sample)) {
      let peak = peaks.get(name) ?? 0
      for (const value of data) peak = Math.max(peak, Math.abs(value))
      peaks.set(name, peak)
    }
  return peaks
}

/**
 * Chooses scales from `samples` (real inputs, row-major) and builds the program.
 * @throws CompileError bound-exceeded naming the layer and the knob when static bounds cannot hold.
 */
export function calibrate(graph: Graph, samples: readonly ArrayLike<number>[], options: QuantiseOptions): Calibrated {
  return calibrateWith(graph, measurePeaks(graph, samples), inputRangeOf(samples, options), options)
}

/** The same from peaks measured before; what a search repeats. */
export function calibrateWith(
  graph: Graph,
  peaks: ReadonlyMap<ValueName, number>,
  range: { readonly min: number; readonly max: number },
  options: QuantiseOptions,
): Calibrated {
  const knobs: Knobs = { ...DEFAULT_KNOBS, ...options.knobs }
  requireKnobs(knobs)
  const layers: Record<string, LayerPlan> = {}
  const decider = calibratingDecider(knobs, options.mode === 'committed', (key, plan) => {
    layers[key] = plan
  })
  const input = inputPlan(graph, knobs.inputBits, range)
  const wanted: OutputSpec = options.output ?? { kind: 'label' }
  const lowered = lower(graph, { mode: options.mode, input, output: wanted }, decider, (name) => peaks.get(name) ?? 0)
  const output = integerOutput(wanted, lowered.program)
  const plan: Plan = { format: 'cohort-zkml-plan', version: 1, mode: options.mode, input, output, layers }
  return {
    ...lowered,
    program: {
      ...lowered.program,
      output: lowered.program.output.kind === wanted.kind ? output : lowered.program.output,
    },
    plan,
  }
}

/**
 * Builds the program of `graph` with the scales of `plan`: a later version of the same architecture. In committed mode
 * the circuit is the same for every version; weights that do not fit are clipped, and `clipping` says which.
 */
export function buildWithPlan(graph: Graph, plan: Plan): Lowered {
  return lower(graph, plan, plannedDecider(plan.layers), () => 0)
}

/** Real input → the integers that a program takes, rounded and clamped to its range. @throws CompileError wrong-input. */
export function encodeInput(program: IntegerProgram, input: ArrayLike<number>): Float64Array {
  const { tensor, bits, min } = program.input
  const { shape, scale } = tensorOf(program, tensor)
  if (input.length !== elementCount(shape))
    throw new CompileError(
      'wrong-input',
      `${program.name} takes ${elementCount(shape)} input values, found ${input.length}`,
    )
  const max = min + 2 ** bits - 1
  return Float64Array.from({ length: input.length }, (_, i) => {
    if (!Number.isFinite(input[i]!))
      throw new CompileError('wrong-input', `input value ${input[i]} at position ${i} is not a number`)
    return Math.min(max, Math.max(min, Math.round(input[i]! / scale))) + 0
  })
}

/** What the samples span, zero included. */
export function inputRangeOf(
  samples: readonly ArrayLike<number>[],
  options: Pick<QuantiseOptions, 'inputRange'>,
): { min: number; max: number } {
  if (options.inputRange !== undefined) return options.inputRange
  let [min, max] = [0, 0]
  for (const sample of samples)
    for (let i = 0; i < sample.length; i++) {
      min = Math.min(min, sample[i]!)
      max = Math.max(max, sample[i]!)
    }
  return { min, max }
}

function inputPlan(graph: Graph, bits: number, range: { min: number; max: number }): Plan['input'] {
  const embedding = graph.nodes.find((node) => node.op === 'embedding')
  if (embedding?.op === 'embedding') {
    const needed = Math.max(1, Math.ceil(Math.log2(embedding.table.shape[0]!)))
    return { bits: needed, min: 0, scale: 1 }
  }
  const apart = graph.nodes.find((node) => node.op === 'bits')
  if (apart?.op === 'bits') return { bits: apart.width, min: 0, scale: 1 }
  const [low, high] = [Math.min(0, range.min), Math.max(0, range.max)]
  if (!(Number.isFinite(low) && Number.isFinite(high) && high > low))
    throw new CompileError(
      'invalid-option',
      `input range [${range.min}, ${range.max}]; give a finite range that is not empty`,
    )
  const scale = (high - low) / (2 ** bits - 1)
  return { bits, min: Math.round(low / scale) + 0, scale }
}

function integerOutput(wanted: OutputChoice, program: IntegerProgram): OutputSpec {
  if (wanted.kind !== 'score') return wanted
  const { scale } = tensorOf(program, program.scores)
  return { ...wanted, threshold: Math.ceil(wanted.threshold / scale) }
}
