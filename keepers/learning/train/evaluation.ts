// SPDX-License-Identifier: GPL-3.0-or-later
import { hasTargets, lossOf, sampleLoss } from '../engine/loss.ts'
import type { Dataset, Evaluation, ModelSpec } from '../types.ts'
import { AmountSums } from './amounts.ts'
import { areaUnderCurve } from './figures.ts'

/** Sums over the outputs for a dataset, batch by batch; the evaluation follows from them. */
export class EvaluationSums {
  readonly #classes: number
  readonly #kind: ReturnType<typeof lossOf>
  readonly #dataset: Dataset
  readonly #confusion: Uint32Array<ArrayBuffer>
  readonly #amounts = new AmountSums()
  /** Of two classes, the second one's probability for each sample. */
  readonly #scores: Float32Array
  /** Of each class, the sum over its samples. */
  readonly #classLoss: Float64Array
  /** Of several labels, three counts each: samples, answers, both. */
  readonly #labels: Uint32Array
  #loss = 0
  #hits = 0

  constructor(spec: ModelSpec, dataset: Dataset) {
    const { classes } = spec
    this.#classes = classes
    this.#kind = lossOf(spec)
    this.#dataset = dataset
    this.#confusion = new Uint32Array(hasTargets(this.#kind) ? 0 : classes * classes)
    this.#classLoss = new Float64Array(hasTargets(this.#kind) ? 0 : classes)
    this.#labels = new Uint32Array(this.#kind.kind === 'binary-cross-entropy' ? 3 * classes : 0)
    this.#scores = new Float32Array(classes === 2 && !hasTargets(this.#kind) ? dataset.count : 0)
  }

  /** Outputs and targets of the samples from `start` on, `classes` values each. */
  add(start: number, outputs: Float32Array, targets: Float32Array): void {
    const kind = this.#kind
    const classes = this.#classes
    for (let i = 0; i * classes < outputs.length; i++) {
      const label = this.#dataset.labels[start + i]!
      const row = outputs.subarray(i * classes, (i + 1) * classes)
      const wanted = targets.subarray(i * classes, (i + 1) * classes)
      const loss = sampleLoss(kind, row, { label, targets: wanted })
      this.#loss += loss
      if (kind.kind === 'cross-entropy') {
        const answer = argMax(row)
        this.#classLoss[label]! += loss
        this.#confusion[label * classes + answer]! += 1
        if (this.#scores.length > 0) this.#scores[start + i] = row[1]!
        if (answer === label) this.#hits++
      } else if (kind.kind === 'binary-cross-entropy') {
        for (const [at, chance] of row.entries()) this.#addLabel(at, chance > 0.5, wanted[at]! > 0.5)
      } else this.#amounts.add(row, wanted)
    }
  }

  #addLabel(at: number, answered: boolean, has: boolean): void {
    if (has) this.#labels[3 * at]! += 1
    if (answered) this.#labels[3 * at + 1]! += 1
    if (has && answered) this.#labels[3 * at + 2]! += 1
    if (has === answered) this.#hits += 1 / this.#classes
  }

  /** The figures, once every sample has been added. */
  result(): Evaluation {
    const { count, labels } = this.#dataset
    const whole = { count, loss: this.#loss / count, confusion: this.#confusion }
    if (hasTargets(this.#kind) && this.#kind.kind !== 'binary-cross-entropy') {
      const errors = this.#amounts.errors()
      return { ...whole, accuracy: errors.r2, amounts: errors }
    }
    if (hasTargets(this.#kind)) {
      const counts = Array.from({ length: this.#classes }, (_, at) => this.#labels.subarray(3 * at, 3 * at + 3))
      const of = counts.map(([samples, answers, right]) => ({ samples: samples!, answers: answers!, right: right! }))
      return { ...whole, accuracy: this.#hits / count, labels: of }
    }
    const positive = Array.from(labels, (label) => label === 1)
    const auc = this.#scores.length === 0 ? Number.NaN : areaUnderCurve(this.#scores, positive)
    const classLoss = this.#classLoss
    return { ...whole, accuracy: this.#hits / count, classLoss, ...(Number.isNaN(auc) ? {} : { auc }) }
  }
}

function argMax(values: Float32Array): number {
  let best = 0
  for (let i = 1; i < values.length; i++) if (values[i]! > values[best]!) best = i
  return best
}
