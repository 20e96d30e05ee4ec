// SPDX-License-Identifier: GPL-3.0-or-later
// What an evaluation says beyond accuracy.
import type { Evaluation } from '../types.ts'

/** Of one class, 0 to 1: how many of its samples were found, how many answers of it were right, and their harmonic mean. */
export type ClassFigures = {
  readonly name: string
  readonly samples: number
  readonly recall: number
  readonly precision: number
  readonly f1: number
}

/** Of each class, in the order of the outputs; a class without samples or answers has zeros. Empty where there are targets. */
export function classFigures({ confusion }: Evaluation, names?: readonly string[]): ClassFigures[] {
  const classes = Math.round(Math.sqrt(confusion.length))
  return Array.from({ length: classes }, (_, c) => {
    const right = confusion[c * classes + c]!
    let samples = 0
    let answers = 0
    for (let other = 0; other < classes; other++) {
      samples += confusion[c * classes + other]!
      answers += confusion[other * classes + c]!
    }
    const recall = samples === 0 ? 0 : right / samples
    const precision = answers === 0 ? 0 : right / answers
    const f1 = samples + answers === 0 ? 0 : (2 * right) / (samples + answers)
    return { name: names?.[c] ?? String(c), samples, recall, precision, f1 }
  })
}

/**
 * Figures by name: of amounts mae and rmse, multiplied by `unit`, and r2; of classes accuracy, f1 (the mean over classes that have samples)
 * and, of two, auc; of several labels accuracy.
 */
export function figuresOf(evaluation: Evaluation, unit = 1): Record<string, number> {
  const { amounts, accuracy, auc } = evaluation
  if (amounts !== undefined) return { r2: amounts.r2, mae: amounts.mae * unit, rmse: amounts.rmse * unit }
  const present = classFigures(evaluation).filter(({ samples }) => samples > 0)
  if (present.length === 0) return { accuracy }
  const f1 = present.reduce((sum, each) => sum + each.f1, 0) / present.length
  return { accuracy, f1, ...(auc === undefined ? {} : { auc }) }
}

/**
 * Area under the receiver operating characteristic: the chance that a sample of class 1 scores higher than one of class 0, ties counted half
 * (Hanley & McNeil 1982). NaN where one of the classes has no sample.
 */
export function areaUnderCurve(scores: ArrayLike<number>, positive: readonly boolean[]): number {
  const order = Array.from({ length: scores.length }, (_, i) => i).sort((a, b) => scores[a]! - scores[b]!)
  let rankSum = 0
  for (let start = 0; start < order.length; ) {
    let end = start
    while (end < order.length && scores[order[end]!] === scores[order[start]!]) end++
    // Ranks count from 1; those of a tie are their mean.
    for (let i = start; i < end; i++) if (positive[order[i]!]) rankSum += (start + 1 + end) / 2
    start = end
  }
  const positives = positive.filter(Boolean).length
  const negatives = positive.length - positives
  return (rankSum - (positives * (positives + 1)) / 2) / (positives * negatives)
}
