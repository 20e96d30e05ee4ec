// SPDX-License-Identifier: GPL-3.0-or-later
// Float graph → integer program: calibrate to get a plan, then build from the plan.
import { CompileError } from '../graph/errors.ts'
import { evaluateAll } from '../graph/evaluate.ts'
import { type IntegerProgram, type Mode, type OutputSpec, tensorOf } from '../graph/program.ts'
import type { Graph, SoftmaxKind, ValueName } from '../graph/types.ts'
import { calibratingDecider, plannedDecider } from './decide.ts'
import { encodeReals, type InputRange, numberRange, planInput } from './input.ts'
import { type Lowered, lower } from './lower.ts'
import type { Range } from './lowering.ts'
import {
  DEFAULT_KNOBS,
  type Knobs,
  type LayerPlan,
  type Plan,
  type PlannedOutput,
  programOutput,
  requireKnobs,
} from './plan.ts'

/**
 * The statement that the owner wants to prove. A score's threshold is a real number here, in terms of the network's output: a probability if the
 * network ends in a Softmax. The plan holds the integer that stands for it.
 */
export type OutputChoice = OutputSpec

export type QuantiseOptions = {
  readonly mode: Mode
  readonly knobs?: Partial<Knobs>
  readonly output?: OutputChoice
  /** Real range of an input value; default: the range of the calibration samples, with zero. */
  readonly inputRange?: { readonly min: number; readonly max: number }
}

/** The range of a value that calibration did not see. */
const NOTHING: Range = { min: 0, max: 0 }

export type Calibrated = Lowered & { readonly plan: Plan }

/** The range of every value of `graph` over the samples: all that calibration knows about the data. */
export function measureRanges(graph: Graph, samples: readonly ArrayLike<number>[]): ReadonlyMap<ValueName, Range> {
  if (samples.length === 0)
    throw new CompileError('invalid-option', 'calibration needs at least one input sample, found none')
  const producers = new Map(graph.nodes.map((node) => [node.output, node.name]))
  const ranges = new Map<ValueName, Range>()
  for (const [at, sample] of samples.entries())
    for (const [name, { data }] of evaluateAll(graph, sample)) {
      let { min, max } = ranges.get(name) ?? { min: Number.POSITIVE_INFINITY, max: Number.NEGATIVE_INFINITY }
      for (const value of data) {
        if (!Number.isFinite(value))
          throw new CompileError(
            'not-finite',
            `${producers.get(name) ?? name} gives ${value} for sample ${at}; leave the sample out, or change the network`,
            { layer: producers.get(name) ?? name },
          )
        min = Math.min(min, value)
        max = Math.max(max, value)
      }
      ranges.set(name, { min, max })
    }
  return ranges
}

/**
 * Chooses scales from `samples` (real inputs, row-major) and builds the program.
 * @throws CompileError bound-exceeded naming the layer and the knob when static bounds cannot hold.
 */
export function calibrate(graph: Graph, samples: readonly ArrayLike<number>[], options: QuantiseOptions): Calibrated {
  return calibrateWith(graph, measureRanges(graph, samples), inputRangeOf(graph, samples, options), options)
}

/** The same with ranges measured before; a search repeats this part. */
export function calibrateWith(
  graph: Graph,
  ranges: ReadonlyMap<ValueName, Range>,
  range: InputRange,
  options: QuantiseOptions,
): Calibrated {
  const knobs: Knobs = { ...DEFAULT_KNOBS, ...options.knobs }
  requireKnobs(knobs)
  const layers: Record<string, LayerPlan> = {}
  const decider = calibratingDecider(knobs, options.mode === 'committed', (key, plan) => {
    layers[key] = plan
  })
  const input = planInput(graph, knobs.inputBits, range)
  const wanted: OutputSpec = options.output ?? { kind: 'label' }
  const drafted: PlannedOutput =
    wanted.kind === 'score' && graph.dropped !== undefined ? { ...wanted, dropped: graph.dropped } : wanted
  const lowered = lower(
    graph,
    { mode: options.mode, input, output: drafted },
    decider,
    (name) => ranges.get(name) ?? NOTHING,
  )
  const output = integerOutput(wanted, graph, lowered.program)
  const plan: Plan = { format: 'cohort-zkml-plan', version: 1, mode: options.mode, input, output, layers }
  return { ...lowered, program: { ...lowered.program, output: programOutput(output) }, plan }
}

/**
 * Builds the program of `graph` with the scales of `plan`: a later version of the same architecture. In committed mode
 * the circuit is the same for every version; weights that do not fit are clipped, and `clipping` says which.
 * @throws CompileError invalid-option when the plan is for another architecture
 */
export function buildWithPlan(graph: Graph, plan: Plan): Lowered {
  const decider = plannedDecider(plan.layers)
  const lowered = lower(graph, plan, decider, () => NOTHING)
  const [unused] = decider.unused()
  if (unused === undefined) return lowered
  throw new CompileError(
    'invalid-option',
    `the plan decides about ${unused}, which this network does not have; it was made for another architecture`,
    { layer: unused },
  )
}

/**
 * Real input → the integers that a program takes. Refuses values outside the calibrated range unless `clamp` is set; see encodeReals.
 * @throws CompileError wrong-input naming position, value and range
 */
export function encodeInput(
  program: IntegerProgram,
  input: ArrayLike<number>,
  options: { readonly clamp?: boolean } = {},
): Float64Array {
  return encodeReals(program, input, options.clamp).values
}

/** The range of the samples' numbers. */
export function inputRangeOf(
  graph: Graph,
  samples: readonly ArrayLike<number>[],
  options: Pick<QuantiseOptions, 'inputRange'>,
): InputRange {
  return options.inputRange ?? numberRange(graph, samples)
}

/** The threshold that stands for a real one; of a dropped Softmax's probability, for the difference of its two scores. */
function integerOutput(wanted: OutputChoice, graph: Graph, program: IntegerProgram): PlannedOutput {
  if (wanted.kind !== 'score') return wanted
  const { scale } = tensorOf(program, program.scores)
  const { dropped } = graph
  const threshold = dropped === undefined ? wanted.threshold : oddsOf(wanted.threshold, dropped)
  return {
    ...wanted,
    threshold: Math.ceil(threshold / scale),
    ...(dropped === undefined ? {} : { dropped }),
  }
}

/** p ≥ T of two classes just where the scores differ by ln(T / (1 − T)); of a logistic where the score reaches that. */
function oddsOf(threshold: number, dropped: SoftmaxKind): number {
  const probability = dropped === 'log-softmax' ? Math.exp(threshold) : threshold
  if (!(probability > 0 && probability < 1))
    throw new CompileError(
      'invalid-option',
      `output score: threshold ${threshold} of a ${dropped}, which lies ${dropped === 'log-softmax' ? 'below 0' : 'between 0 and 1'}`,
    )
  return Math.log(probability / (1 - probability))
}
