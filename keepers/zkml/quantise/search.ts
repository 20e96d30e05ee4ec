// SPDX-License-Identifier: GPL-3.0-or-later
// Trades bits for constraints: it takes one bit at a time from the knob that saves most for the error that it adds, while accuracy and
// error on held-out samples stay within the budget.
import { CompileError } from '../graph/errors.ts'
import type { IntegerProgram } from '../graph/program.ts'
import type { Graph } from '../graph/types.ts'
import { accuracyOf, floatScores, programScores, relativeError, type Samples, targetLabels } from './accuracy.ts'
import { type CostOptions, programCost } from './cost.ts'
import { type BitChoice, chosenBits, DEFAULT_KNOBS, type Knobs } from './plan.ts'
import { type Calibrated, calibrateWith, inputRangeOf, measureRanges, type QuantiseOptions } from './quantise.ts'

export type SearchOptions = QuantiseOptions & {
  /** Accuracy that may be lost against the float network, as a share: 0.003 is 0.3 points. */
  readonly maxLoss: number
  /** Error that the scores may have, as a share of their variance (relativeError); without it accuracy alone decides. */
  readonly maxError?: number
  /** Stop once the circuit has at most this many constraints; without it the search goes on while the budget allows. */
  readonly target?: number
  /**
   * Constraints that are as good as fewer ones, e.g. all that fill the same domain of a prover: of settings on one level the one with
   * the most bits is taken, and the search stops where no lower level can be reached. Default: every constraint is a level of its own.
   */
  readonly levelOf?: (constraints: number) => number
  /**
   * Fewest bits that the input may be cut to. By default the input keeps its bits: the owner, not the search, chooses the integers that an input
   * commitment covers.
   */
  readonly minInputBits?: number
  readonly cost?: CostOptions
  /** Constraints of a program. Default: of its circuit in plain Groth16, shown as `cost` says. */
  readonly constraintsOf?: (program: IntegerProgram) => number
  /** Seconds after which the search returns the best setting so far. */
  readonly seconds?: number
  /** Milliseconds of a clock. */
  readonly now?: () => number
  readonly signal?: AbortSignal
  readonly onStep?: (step: SearchStep) => void
}

export type SearchStep = {
  readonly constraints: number
  readonly accuracy: number
  readonly error: number
  /** The knob that gave a bit, e.g. "weight bits of conv1 → 6". */
  readonly change: string
  readonly kept: boolean
}

export type SearchResult = Calibrated & {
  readonly knobs: Knobs
  readonly constraints: number
  /** Share of held-out samples: of the float network, and of the program. */
  readonly floatAccuracy: number
  readonly accuracy: number
  /** Of the scores, as a share of their variance, over the ranking samples. */
  readonly error: number
  /** The figures before any bit was taken. */
  readonly start: Pick<SearchStep, 'constraints' | 'accuracy' | 'error'>
  /** The reason why it stopped: the target, the time, no lower level in reach, or no bit left within the budget. */
  readonly stopped: 'target' | 'time' | 'level' | 'budget'
  readonly steps: readonly SearchStep[]
}

/** Number of samples that rank candidate steps; all held-out samples decide whether a step is kept. */
const RANKING_SAMPLES = 48
/** Above every possible gain, so that each setting is measured once before any is chosen. */
const UNMEASURED = Number.MAX_VALUE
const START: Pick<Knobs, 'weightBits' | 'activationBits'> = {
  weightBits: { default: 9 },
  activationBits: { default: 9 },
}

type Knob = { readonly kind: 'input' } | { readonly kind: 'weight' | 'activation'; readonly node: string }

/** Bits that are taken from a knob at once, where fewer save nothing: limbs of a table come in whole. */
const MOST_BITS_AT_ONCE = 3

/** A setting that was tried: its program, its cost. */
type Setting = { readonly knobs: Knobs; readonly built: Calibrated; readonly constraints: number }
/** Its error on the ranking samples. */
type Trial = Setting & { readonly error: number }
type Judged = Trial & { readonly accuracy: number }

/**
 * @param calibration real inputs that set the scales
 * @param heldOut real inputs (with labels, or else the float network's answers count as right) that judge
 * @throws CompileError accuracy-loss when even the start loses more than `maxLoss` or is further off than `maxError`, or when `target` is
 * not reached.
 */
export function searchBits(
  graph: Graph,
  calibration: readonly ArrayLike<number>[],
  heldOut: Samples,
  options: SearchOptions,
): SearchResult {
  const {
    maxLoss,
    maxError = Number.POSITIVE_INFINITY,
    target,
    signal,
    onStep,
    now = () => performance.now(),
  } = options
  const { constraintsOf = (program) => programCost(program, options.cost).total, levelOf } = options
  if (heldOut.inputs.length === 0)
    throw new CompileError('invalid-option', 'the search needs held-out samples, found none')
  const deadline = now() + 1000 * (options.seconds ?? Number.POSITIVE_INFINITY)
  const ranges = measureRanges(graph, calibration)
  const range = inputRangeOf(graph, calibration, options)
  const reference = floatScores(graph, heldOut.inputs, { ...(signal ? { signal } : {}) })
  const labels = targetLabels(heldOut, reference)
  const floatAccuracy = accuracyOf(reference, labels)
  const ranking = heldOut.inputs.slice(0, RANKING_SAMPLES)

  const set = (knobs: Knobs): Setting => {
    signal?.throwIfAborted()
    const built = calibrateWith(graph, ranges, range, { ...options, knobs })
    return { knobs, built, constraints: constraintsOf(built.program) }
  }
  const measured = (setting: Setting): Trial => ({
    ...setting,
    error: relativeError(reference.slice(0, ranking.length), programScores(setting.built.program, ranking)),
  })
  const judged = (trial: Trial): Judged => ({
    ...trial,
    accuracy: accuracyOf(programScores(trial.built.program, heldOut.inputs), labels),
  })

  const first = judged(measured(set({ ...DEFAULT_KNOBS, ...START, ...options.knobs })))
  if (floatAccuracy - first.accuracy > maxLoss)
    throw new CompileError(
      'accuracy-loss',
      `the program loses ${percent(floatAccuracy - first.accuracy)} before any bit is taken, more than ${percent(maxLoss)}; raise weightBits and activationBits`,
    )
  if (first.error > maxError)
    throw new CompileError(
      'accuracy-loss',
      `the scores are off by ${share(first.error)} of their variance before any bit is taken, more than ${share(maxError)}; raise weightBits and activationBits`,
    )
  const steps: SearchStep[] = []
  const minInputBits = options.minInputBits ?? first.knobs.inputBits
  const open = new Set(knobsOf(first))
  // Gains go stale when another knob moves, but only the best few are worth measuring again each time.
  const gains = new Map<Knob, number>()
  const path = [first]
  const isLower = (constraints: number) =>
    levelOf === undefined || levelOf(constraints) < levelOf(path.at(-1)!.constraints)
  const canReachLower = () => isLower(set(lowest(path.at(-1)!.knobs, open, minInputBits)).constraints)
  let stopped: SearchResult['stopped'] = 'budget'
  for (;;) {
    const current = path.at(-1)!
    if (target !== undefined && current.constraints <= target) stopped = 'target'
    else if (now() >= deadline) stopped = 'time'
    else if (levelOf !== undefined && open.size > 0 && !canReachLower()) stopped = 'level'
    else {
      const found = best(current, open, gains, minInputBits, set, measured, () => now() >= deadline)
      if (found === null) {
        if (now() >= deadline) stopped = 'time'
        break
      }
      const [knob, trial] = found
      const next = judged(trial)
      const kept = floatAccuracy - next.accuracy <= maxLoss && next.error <= maxError
      const { constraints, accuracy, error } = next
      const step = { constraints, accuracy, error, change: describe(knob, trial.knobs), kept }
      steps.push(step)
      onStep?.(step)
      if (kept) path.push(next)
      else open.delete(knob)
      continue
    }
    break
  }
  const { constraints: fewest } = path.at(-1)!
  if (target !== undefined && fewest > target)
    throw new CompileError(
      'accuracy-loss',
      `${fewest} constraints are the fewest found within a loss of ${percent(maxLoss)}, more than the target ${target}; allow more loss or a smaller network`,
    )
  // Bits beyond what the last level takes would be given away for nothing.
  const { built, knobs, constraints, accuracy, error } =
    levelOf === undefined
      ? path.at(-1)!
      : path.find(
          (each) => levelOf(each.constraints) === levelOf(fewest) && !(each.constraints > (target ?? Infinity)),
        )!
  const start = { constraints: first.constraints, accuracy: first.accuracy, error: first.error }
  return { ...built, knobs, constraints, floatAccuracy, accuracy, error, start, stopped, steps }
}

/** The open knob with the largest saving for its error; null when none is left or time is over. Knobs that save nothing are closed. */
function best(
  current: Trial,
  open: Set<Knob>,
  gains: Map<Knob, number>,
  minInputBits: number,
  set: (knobs: Knobs) => Setting,
  measured: (setting: Setting) => Trial,
  isLate: () => boolean,
): [Knob, Trial] | null {
  const fresh = new Map<Knob, Trial>()
  for (;;) {
    const ordered = [...open].sort((a, b) => (gains.get(b) ?? UNMEASURED) - (gains.get(a) ?? UNMEASURED))
    const [knob] = ordered
    if (knob === undefined) return null
    const known = fresh.get(knob)
    if (known !== undefined) return [knob, known]
    if (isLate()) return null
    const setting = cheaper(current, knob, minInputBits, set)
    if (setting === null) {
      open.delete(knob)
      continue
    }
    const trial = measured(setting)
    fresh.set(knob, trial)
    gains.set(knob, (current.constraints - trial.constraints) / Math.max(trial.error - current.error, 1e-9))
  }
}

/** The knob with as few bits less as save anything; null where none do. */
function cheaper(current: Setting, knob: Knob, minInputBits: number, set: (knobs: Knobs) => Setting): Setting | null {
  let knobs: Knobs | null = current.knobs
  for (let taken = 0; taken < MOST_BITS_AT_ONCE; taken++) {
    knobs = lowered(knobs, knob, minInputBits)
    if (knobs === null) return null
    const setting = set(knobs)
    if (setting.constraints < current.constraints) return setting
  }
  return null
}

/** All bits taken that open knobs could still give. */
function lowest(knobs: Knobs, open: ReadonlySet<Knob>, minInputBits: number): Knobs {
  let least = knobs
  for (const knob of open)
    for (let next = lowered(least, knob, minInputBits); next !== null; next = lowered(least, knob, minInputBits))
      least = next
  return least
}

function knobsOf(trial: Trial): Knob[] {
  const knobs: Knob[] = [{ kind: 'input' }]
  const { layers } = trial.built.plan
  for (const [key, plan] of Object.entries(layers)) {
    const { node } = plan
    if (plan.kind === 'weights') knobs.push({ kind: 'weight', node })
    else if (!key.endsWith('/narrow')) knobs.push({ kind: 'activation', node })
  }
  return knobs.filter((knob, i) => knobs.findIndex((each) => describeKnob(each) === describeKnob(knob)) === i)
}

/** The knobs with one bit less, or null when this knob is at its minimum. */
function lowered(knobs: Knobs, knob: Knob, minInputBits: number): Knobs | null {
  if (knob.kind === 'input')
    return knobs.inputBits <= minInputBits ? null : { ...knobs, inputBits: knobs.inputBits - 1 }
  const field = knob.kind === 'weight' ? 'weightBits' : 'activationBits'
  const choice: BitChoice = knobs[field]
  const bits = chosenBits(choice, knob.node) - 1
  if (bits < (knob.kind === 'weight' ? 2 : 1)) return null
  return { ...knobs, [field]: { ...choice, layers: { ...choice.layers, [knob.node]: bits } } }
}

function describeKnob(knob: Knob): string {
  return knob.kind === 'input' ? 'input bits' : `${knob.kind} bits of ${knob.node}`
}

function describe(knob: Knob, knobs: Knobs): string {
  if (knob.kind === 'input') return `input bits → ${knobs.inputBits}`
  return `${describeKnob(knob)} → ${chosenBits(knob.kind === 'weight' ? knobs.weightBits : knobs.activationBits, knob.node)}`
}

function percent(part: number): string {
  return `${(part * 100).toFixed(2)} points`
}

function share(part: number): string {
  return `${(part * 100).toFixed(3)} %`
}
