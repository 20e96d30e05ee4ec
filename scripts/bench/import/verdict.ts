// SPDX-License-Identifier: GPL-3.0-or-later
// One ONNX model on one input against the right answer: equal, refused by name, wrong, or a crash without a named cause.
import { CompileError, evaluate, type Graph, importOnnx } from '../../../keepers/zkml/index.ts'

export type Verdict = 'equal' | 'refused' | 'wrong' | 'unclear'

export type Judged = { readonly verdict: Verdict; readonly why: string }

/** Relative to the largest number expected, and at least 1. */
const TOLERANCE = 2e-4

/** How far each number may be from the one expected: onnx's formula. */
export type Tolerance = { readonly relative: number; readonly absolute: number }

/**
 * @param expected the right values, null for NaN and infinities
 * @param tolerance for results of 16 bits: the file rounds more than the network does
 */
export function judge(
  file: Uint8Array,
  input: readonly (number | null)[],
  expected: readonly (number | null)[],
  tolerance: Tolerance | null = null,
): Judged {
  let found: readonly number[]
  try {
    const graph = importOnnx(file)
    found = outputs(graph, evaluate(graph, input as number[]).data)
  } catch (error) {
    if (error instanceof CompileError && error.message.length > 10) return { verdict: 'refused', why: error.message }
    return { verdict: 'unclear', why: `${(error as Error).name}: ${(error as Error).message}` }
  }
  if (found.length !== expected.length)
    return { verdict: 'wrong', why: `${found.length} numbers where ${expected.length} are right` }
  const size = expected.reduce<number>((most, value) => Math.max(most, Math.abs(value ?? 0)), 1)
  const allowed = (right: number): number =>
    tolerance === null ? TOLERANCE * size : tolerance.absolute + tolerance.relative * Math.abs(right)
  const at = found.findIndex((value, i) => {
    const right = expected[i] ?? Number.NaN
    return !(Math.abs(value - right) <= allowed(right))
  })
  if (at < 0) return { verdict: 'equal', why: '' }
  return { verdict: 'wrong', why: `${found[at]} at ${at} where ${expected[at]} is right` }
}

/** Whether the label, the index of the largest score or the output itself, is the one expected. */
export function judgeLabel(file: Uint8Array, input: readonly number[], expected: number): Judged {
  const graph = importOnnx(file)
  const { data } = evaluate(graph, input)
  const found = data.length === 1 ? data[0]! : data.indexOf(data.reduce((a, b) => Math.max(a, b)))
  return found === expected
    ? { verdict: 'equal', why: '' }
    : { verdict: 'wrong', why: `label ${found} where ${expected} is right` }
}

/** The scores, or the probabilities where a last Softmax or logistic was dropped from them. */
export function outputs({ dropped }: Graph, scores: Float64Array): readonly number[] {
  if (dropped === undefined) return [...scores]
  if (dropped === 'logistic' || dropped === 'normalised') {
    const each = Array.from(scores, (score) => 1 / (1 + Math.exp(-score)))
    return dropped === 'logistic' ? each : each.map((value) => value / each.reduce((a, b) => a + b))
  }
  const top = Math.max(...scores)
  const logSum = Math.log(scores.reduce((sum, score) => sum + Math.exp(score - top), 0))
  const logs = Array.from(scores, (score) => score - top - logSum)
  return dropped === 'log-softmax' ? logs : logs.map(Math.exp)
}
