// SPDX-License-Identifier: GPL-3.0-or-later
// Members with different architectures answer together.
import { gather, sampleSize } from '../data/dataset.ts'
import { LearningError } from '../errors.ts'
import type { Dataset, Evaluation, ModelSpec } from '../types.ts'

/** Whatever turns inputs into probabilities; a LocalTrainer is one. */
export type Predictor = {
  readonly spec: ModelSpec
  predict(inputs: Float32Array): Promise<Float32Array>
}

export type EnsembleMember = { readonly predictor: Predictor; readonly weight: number }

/**
 * `mean`: weighted mean of the members' probabilities. `vote`: each member gives its whole weight to its favourite class.
 * `probabilities[m]` holds count × classes values. Rows of the result sum to 1.
 */
export function combine(
  probabilities: readonly Float32Array[],
  weights: readonly number[],
  classes: number,
  rule: 'mean' | 'vote',
): Float32Array<ArrayBuffer> {
  const length = probabilities[0]?.length ?? 0
  const total = weights.reduce((a, b) => a + b, 0)
  if (probabilities.length === 0 || weights.length !== probabilities.length) {
    throw new LearningError('BAD_PARAMETERS', `ensemble: ${probabilities.length} members, ${weights.length} weights`)
  }
  if (!(total > 0) || weights.some((weight) => !(weight >= 0))) {
    throw new LearningError('BAD_PARAMETERS', `ensemble: weights [${weights}] must be ≥ 0 with a positive sum`)
  }
  const odd = probabilities.findIndex((p) => p.length !== length)
  if (odd >= 0 || length % classes !== 0) {
    throw new LearningError('BAD_VECTOR', `ensemble: member ${Math.max(0, odd)} answered with a wrong number of values`)
  }
  const result = new Float32Array(length)
  for (const [member, answers] of probabilities.entries()) {
    const share = weights[member]! / total
    for (let row = 0; row < length; row += classes) {
      if (rule === 'vote') result[row + favourite(answers, row, classes)]! += share
      else for (let c = 0; c < classes; c++) result[row + c]! += share * answers[row + c]!
    }
  }
  return result
}

/** Index of the largest of `classes` values from `start`; the lowest index wins a tie. */
export function favourite(values: Float32Array, start: number, classes: number): number {
  let best = 0
  for (let c = 1; c < classes; c++) if (values[start + c]! > values[start + best]!) best = c
  return best
}

/** A fixed set of members that answer as one. */
export class Ensemble implements Predictor {
  readonly spec: ModelSpec
  readonly #members: readonly EnsembleMember[]
  readonly #rule: 'mean' | 'vote'

  /** All members must take the same inputs and distinguish the same classes; architectures may differ. */
  constructor(members: readonly EnsembleMember[], rule: 'mean' | 'vote' = 'mean') {
    const first = members[0]?.predictor.spec
    if (first === undefined) throw new LearningError('BAD_PARAMETERS', 'ensemble: no members')
    for (const { predictor } of members) {
      const { name, inputShape, classes } = predictor.spec
      if (`${inputShape}` !== `${first.inputShape}` || classes !== first.classes) {
        throw new LearningError(
          'MODEL_DATA_MISMATCH',
          `ensemble: ${name} maps ${inputShape.join('×')} to ${classes} classes, ` +
            `${first.name} ${first.inputShape.join('×')} to ${first.classes}`,
        )
      }
    }
    this.spec = first
    this.#members = [...members]
    this.#rule = rule
  }

  async predict(inputs: Float32Array): Promise<Float32Array<ArrayBuffer>> {
    const answers: Float32Array[] = []
    for (const { predictor } of this.#members) answers.push(await predictor.predict(inputs))
    return combine(
      answers,
      this.#members.map(({ weight }) => weight),
      this.spec.classes,
      this.#rule,
    )
  }

  /** Accuracy, mean negative log-likelihood and confusion of the combined answers. */
  async evaluate(dataset: Dataset, options: { signal?: AbortSignal } = {}): Promise<Evaluation> {
    const { classes } = this.spec
    const size = sampleSize(dataset)
    const confusion = new Uint32Array(classes * classes)
    let [loss, hits] = [0, 0]
    for (let start = 0; start < dataset.count; start += 256) {
      options.signal?.throwIfAborted()
      const count = Math.min(256, dataset.count - start)
      const inputs = new Float32Array(count * size)
      const labels = new Int32Array(count)
      gather(dataset, null, start, count, { inputs, labels, targets: new Float32Array(0) })
      const answers = await this.predict(inputs)
      for (let i = 0; i < count; i++) {
        const answer = favourite(answers, i * classes, classes)
        confusion[labels[i]! * classes + answer]! += 1
        if (answer === labels[i]) hits++
        loss -= Math.log(Math.max(answers[i * classes + labels[i]!]!, 1e-12))
      }
    }
    if (dataset.count === 0) throw new LearningError('EMPTY_SHARD', `${dataset.name}: no samples to evaluate on`)
    return { count: dataset.count, loss: loss / dataset.count, accuracy: hits / dataset.count, confusion }
  }
}
