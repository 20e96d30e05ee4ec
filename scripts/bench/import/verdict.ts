// SPDX-License-Identifier: GPL-3.0-or-later
// One ONNX model on one input against what it should compute: equal, refused by name, wrong, or a crash that names nothing.
import { CompileError, evaluate, type Graph, importOnnx } from '../../../keepers/zkml/index.ts'

export type Verdict = 'equal' | 'refused' | 'wrong' | 'unclear'

export type Judged = { readonly verdict: Verdict; readonly why: string }

/** Relative to the largest number expected. */
const TOLERANCE = 2e-4

/** @param expected what is right, null for NaN and infinities */
export function judge(
  file: Uint8Array,
  input: readonly (number | null)[],
  expected: readonly (number | null)[],
  tolerance = TOLERANCE,
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
  const at = found.findIndex((value, i) => !(Math.abs(value - (expected[i] ?? Number.NaN)) <= tolerance * size))
  if (at < 0) return { verdict: 'equal', why: '' }
  return { verdict: 'wrong', why: `${found[at]} at ${at} where ${expected[at]} is right` }
}

/** The scores, or the probabilities where a last Softmax was dropped from them. */
function outputs({ dropped }: Graph, scores: Float64Array): readonly number[] {
  if (dropped === undefined) return [...scores]
  const top = Math.max(...scores)
  const logSum = Math.log(scores.reduce((sum, score) => sum + Math.exp(score - top), 0))
  const logs = Array.from(scores, (score) => score - top - logSum)
  return dropped === 'log-softmax' ? logs : logs.map(Math.exp)
}
