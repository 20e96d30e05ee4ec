// SPDX-License-Identifier: GPL-3.0-or-later
// Trades bits for constraints: takes one bit at a time from the knob that saves most for the error it adds, as long as the
// accuracy on held-out samples stays within the budget.
import { CompileError } from '../graph/errors.ts'
import type { Graph } from '../graph/types.ts'
import { accuracyOf, floatScores, programScores, relativeError, type Samples, targetLabels } from './accuracy.ts'
import { type CostOptions, programCost } from './cost.ts'
import { type BitChoice, chosenBits, DEFAULT_KNOBS, type Knobs } from './plan.ts'
import { type Calibrated, calibrateWith, inputRangeOf, measureRanges, type QuantiseOptions } from './quantise.ts'

export type SearchOptions = QuantiseOptions & {
  /** Accuracy that may be lost against the float network, as a share: 0.003 is 0.3 points. */
  readonly maxLoss: number
  /** Stop once the circuit has at most this many constraints; without it the search goes on while the budget allows. */
  readonly target?: number
  /**
   * Fewest bits that the input may be cut to. By default the input keeps its bits: the owner, not the search, chooses the integers that an input
   * commitment covers.
   */
  readonly minInputBits?: number
  readonly cost?: CostOptions
  readonly signal?: AbortSignal
  readonly onStep?: (step: SearchStep) => void
}

export type SearchStep = {
  readonly constraints: number
  readonly accuracy: number
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

/** A setting tried: its program, its cost, its error on the ranking samples. */
type Trial = { readonly knobs: Knobs; readonly built: Calibrated; readonly constraints: number; readonly error: number }

/**
 * @param calibration real inputs that set the scales
 * @param heldOut real inputs (with labels, or else the float network's answers count as right) that judge
 * @throws CompileError accuracy-loss when even the start loses more than `maxLoss`, or when `target` is not reached.
 */
export function searchBits(
  graph: Graph,
  calibration: readonly ArrayLike<number>[],
  heldOut: Samples,
  options: SearchOptions,
): SearchResult {
  const { maxLoss, target, signal, onStep } = options
  if (heldOut.inputs.length === 0)
    throw new CompileError('invalid-option', 'the search needs held-out samples, found none')
  const ranges = measureRanges(graph, calibration)
  const range = inputRangeOf(graph, calibration, options)
  const reference = floatScores(graph, heldOut.inputs, { ...(signal ? { signal } : {}) })
  const labels = targetLabels(heldOut, reference)
  const floatAccuracy = accuracyOf(reference, labels)
  const ranking = heldOut.inputs.slice(0, RANKING_SAMPLES)

  const attempt = (knobs: Knobs): Trial => {
    signal?.throwIfAborted()
    const built = calibrateWith(graph, ranges, range, { ...options, knobs })
    const error = relativeError(reference.slice(0, ranking.length), programScores(built.program, ranking))
    return { knobs, built, constraints: programCost(built.program, options.cost).total, error }
  }
  const judge = (trial: Trial): number => accuracyOf(programScores(trial.built.program, heldOut.inputs), labels)

  let current = attempt({ ...DEFAULT_KNOBS, ...START, ...options.knobs })
  let accuracy = judge(current)
  if (floatAccuracy - accuracy > maxLoss)
    throw new CompileError(
      'accuracy-loss',
      `the program loses ${percent(floatAccuracy - accuracy)} before any bit is taken, more than ${percent(maxLoss)}; raise weightBits and activationBits`,
    )
  const steps: SearchStep[] = []
  const minInputBits = options.minInputBits ?? current.knobs.inputBits
  const open = new Set(knobsOf(current))
  // Gains go stale when another knob moves, but only the best few are worth measuring again each time.
  const gains = new Map<Knob, number>()
  while (open.size > 0 && (target === undefined || current.constraints > target)) {
    const found = best(current, open, gains, minInputBits, attempt)
    if (found === null) break
    const [knob, trial] = found
    const now = judge(trial)
    const kept = floatAccuracy - now <= maxLoss
    const step = { constraints: trial.constraints, accuracy: now, change: describe(knob, trial.knobs), kept }
    steps.push(step)
    onStep?.(step)
    if (kept) {
      current = trial
      accuracy = now
    } else open.delete(knob)
  }
  if (target !== undefined && current.constraints > target)
    throw new CompileError(
      'accuracy-loss',
      `${current.constraints} constraints are the fewest found within a loss of ${percent(maxLoss)}, more than the target ${target}; allow more loss or a smaller network`,
    )
  const { knobs, built, constraints } = current
  return { ...built, knobs, constraints, floatAccuracy, accuracy, steps }
}

/** The open knob with the largest saving for its error. Knobs that cannot give a bit, or save nothing, are closed. */
function best(
  current: Trial,
  open: Set<Knob>,
  gains: Map<Knob, number>,
  minInputBits: number,
  attempt: (knobs: Knobs) => Trial,
): [Knob, Trial] | null {
  const fresh = new Map<Knob, Trial>()
  for (;;) {
    const ordered = [...open].sort((a, b) => (gains.get(b) ?? UNMEASURED) - (gains.get(a) ?? UNMEASURED))
    const [knob] = ordered
    if (knob === undefined) return null
    const known = fresh.get(knob)
    if (known !== undefined) return [knob, known]
    const knobs = lowered(current.knobs, knob, minInputBits)
    const trial = knobs === null ? null : attempt(knobs)
    const saved = trial === null ? 0 : current.constraints - trial.constraints
    if (trial === null || saved <= 0) {
      open.delete(knob)
      continue
    }
    fresh.set(knob, trial)
    gains.set(knob, saved / Math.max(trial.error - current.error, 1e-9))
  }
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

function percent(share: number): string {
  return `${(share * 100).toFixed(2)} points`
}
