// SPDX-License-Identifier: GPL-3.0-or-later
// The loss of a program against the float network: on labelled samples, or by agreement if there are no labels.
import { CompileError } from '../graph/errors.ts'
import { argMax, evaluate } from '../graph/evaluate.ts'
import { elementCount, type IntegerProgram, tensorOf } from '../graph/program.ts'
import type { Graph } from '../graph/types.ts'
import { interpret } from './interpret.ts'
import { encodeInput } from './quantise.ts'

/** Real inputs, row-major; `labels[i]` is the index of the right score of input i. */
export type Samples = { readonly inputs: readonly ArrayLike<number>[]; readonly labels?: readonly number[] }

export type Progress = (done: number, of: number) => void
export type Work = { readonly signal?: AbortSignal; readonly onProgress?: Progress }

/** Scores of the float network, one list an input. */
export function floatScores(graph: Graph, inputs: readonly ArrayLike<number>[], work: Work = {}): Float64Array[] {
  return inputs.map((input, i) => {
    work.signal?.throwIfAborted()
    work.onProgress?.(i, inputs.length)
    return evaluate(graph, input).data
  })
}

/**
 * Scores of the integer program in real units: integer · scale. Clamps inputs outside the calibrated range, because this measures accuracy
 * on data before any proof.
 */
export function programScores(
  program: IntegerProgram,
  inputs: readonly ArrayLike<number>[],
  work: Work = {},
): Float64Array[] {
  const { scale } = tensorOf(program, program.scores)
  return inputs.map((input, i) => {
    work.signal?.throwIfAborted()
    work.onProgress?.(i, inputs.length)
    return interpret(program, encodeInput(program, input, { clamp: true }), { outside: 'clamp' }).scores.map(
      (score) => score * scale,
    )
  })
}

/** How many inputs have no proof, since a value inside the network leaves the window calibrated for it. Clamped as above. */
export function countHeld(program: IntegerProgram, inputs: readonly ArrayLike<number>[]): number {
  return inputs.filter((input) => {
    try {
      interpret(program, encodeInput(program, input, { clamp: true }))
      return false
    } catch (error) {
      if (error instanceof CompileError && error.code === 'wrong-input') return true
      throw error
    }
  }).length
}

/** Fraction of inputs for which the largest score (for a single score: its sign) gives the label. In [0, 1]. */
export function accuracyOf(scores: readonly Float64Array[], labels: readonly number[]): number {
  let right = 0
  for (const [i, each] of scores.entries()) if (predicted(each) === labels[i]) right++
  return right / scores.length
}

/** A classifier's answer: the index of the largest score, or for a single score whether it is at least 0. */
export function predicted(scores: ArrayLike<number>): number {
  return scores.length === 1 ? (scores[0]! >= 0 ? 1 : 0) : argMax(scores)
}

/** The labels of `samples`. Without labels, the float network's predictions: accuracy then means agreement with them. */
export function targetLabels(samples: Samples, reference: readonly Float64Array[]): readonly number[] {
  return samples.labels ?? reference.map(predicted)
}

/** Mean squared distance of two lists of scores, over the variance of the first: 0 is exact, 1 is noise. */
export function relativeError(reference: readonly Float64Array[], scores: readonly Float64Array[]): number {
  const size = elementCount([reference.length, reference[0]!.length])
  let mean = 0
  for (const each of reference) for (const value of each) mean += value / size
  let [variance, error] = [0, 0]
  for (const [i, each] of reference.entries())
    for (const [j, value] of each.entries()) {
      variance += (value - mean) ** 2
      error += (value - scores[i]![j]!) ** 2
    }
  return error / Math.max(variance, Number.MIN_VALUE)
}
