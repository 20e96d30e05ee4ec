// SPDX-License-Identifier: GPL-3.0-or-later
// Losses and their gradients, of whatever a network's last linear layer puts out. Plain cross-entropy, which most networks train
// with, is in the kernel.
import type { Loss, ModelSpec } from '../types.ts'
import type { BatchOutcome } from './engine.ts'

const CROSS_ENTROPY: Loss = { kind: 'cross-entropy' }
/** Of a probability, so that its logarithm is finite. */
const LEAST = 1e-12

export function lossOf(spec: ModelSpec): Loss {
  return spec.loss ?? CROSS_ENTROPY
}

/** Whether the kernel's own cross-entropy is the loss. */
export function isPlain(loss: Loss): boolean {
  return loss.kind === 'cross-entropy' && loss.weights === undefined
}

/** Whether samples have targets rather than a label. */
export function hasTargets(loss: Loss): boolean {
  return loss.kind !== 'cross-entropy'
}

export type Answers = {
  /** `count × outputs`, before any softmax or sigmoid. */
  readonly logits: Float32Array
  readonly labels: Int32Array
  readonly targets: Float32Array
  readonly count: number
  readonly outputs: number
}

/** Sum of the losses and number of right answers; the gradient of the mean loss by the logits goes to `gradient`. */
export function differentiate(loss: Loss, answers: Answers, gradient: Float32Array): BatchOutcome {
  if (loss.kind === 'cross-entropy') return differentiateClasses(loss.weights, answers, gradient)
  const { logits, targets, count, outputs } = answers
  let lossSum = 0
  let correct = 0
  for (let i = 0; i < count * outputs; i++) {
    const [value, slope] = pointOf(loss, logits[i]!, targets[i]!)
    lossSum += value / outputs
    gradient[i] = slope / (count * outputs)
    if (loss.kind === 'binary-cross-entropy' && logits[i]! > 0 === targets[i]! > 0.5) correct += 1 / outputs
  }
  return { lossSum, correct }
}

function differentiateClasses(
  weights: readonly number[] | undefined,
  { logits, labels, count, outputs }: Answers,
  gradient: Float32Array,
): BatchOutcome {
  let lossSum = 0
  let correct = 0
  for (let n = 0; n < count; n++) {
    const row = logits.subarray(n * outputs, (n + 1) * outputs)
    const label = labels[n]!
    const weight = weights?.[label] ?? 1
    const highest = Math.max(...row)
    let sum = 0
    for (const value of row) sum += Math.exp(value - highest)
    lossSum += weight * (Math.log(sum) - (row[label]! - highest))
    if (row.indexOf(highest) === label) correct++
    for (const [c, value] of row.entries()) {
      const chance = Math.exp(value - highest) / sum
      gradient[n * outputs + c] = (weight * (c === label ? chance - 1 : chance)) / count
    }
  }
  return { lossSum, correct }
}

/** The loss of one output and its derivative. */
function pointOf(loss: Exclude<Loss, { kind: 'cross-entropy' }>, output: number, target: number): [number, number] {
  const error = output - target
  switch (loss.kind) {
    case 'mse':
      return [error * error, 2 * error]
    case 'mae':
      return [Math.abs(error), Math.sign(error)]
    case 'huber': {
      const size = Math.abs(error)
      const { delta } = loss
      return size <= delta ? [(error * error) / 2, error] : [delta * (size - delta / 2), delta * Math.sign(error)]
    }
    case 'binary-cross-entropy':
      // log(1 + e^x) − t·x, without an overflow.
      return [
        Math.max(output, 0) + Math.log1p(Math.exp(-Math.abs(output))) - target * output,
        1 / (1 + Math.exp(-output)) - target,
      ]
  }
}

/** The loss of one sample from what {@link activate} makes of its outputs. */
export function sampleLoss(
  loss: Loss,
  row: Float32Array,
  { label, targets }: { readonly label: number; readonly targets: Float32Array },
): number {
  if (loss.kind === 'cross-entropy') return -(loss.weights?.[label] ?? 1) * Math.log(Math.max(row[label]!, LEAST))
  let sum = 0
  for (const [i, value] of row.entries()) {
    const target = targets[i]!
    if (loss.kind !== 'binary-cross-entropy') sum += pointOf(loss, value, target)[0]
    else sum -= target * Math.log(Math.max(value, LEAST)) + (1 - target) * Math.log(Math.max(1 - value, LEAST))
  }
  return sum / row.length
}

/**
 * The output in an application's terms: amounts unchanged, and a probability for each of several labels. In place; softmax is the engine's.
 */
export function activate(loss: Loss, outputs: Float32Array): void {
  if (loss.kind !== 'binary-cross-entropy') return
  for (const [i, value] of outputs.entries()) outputs[i] = 1 / (1 + Math.exp(-value))
}
