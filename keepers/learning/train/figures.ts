// SPDX-License-Identifier: GPL-3.0-or-later
// Figures of an evaluation beyond accuracy.
import type { Evaluation, LabelCounts } from '../types.ts'

/**
 * Of one class, 0 to 1: how many of its samples were found, how many answers of it were right, and their harmonic mean. Null where there is
 * nothing to divide by: no samples (recall), no answers (precision), neither (f1).
 */
export type ClassFigures = {
  readonly name: string
  readonly samples: number
  readonly recall: number | null
  readonly precision: number | null
  readonly f1: number | null
}

/** Of each class, or of each of several labels, in the order of the outputs. Empty of amounts. */
export function classFigures(
  { confusion, labels = countsOf(confusion) }: Pick<Evaluation, 'confusion' | 'labels'>,
  names?: readonly string[],
): ClassFigures[] {
  const share = (part: number, whole: number) => (whole === 0 ? null : part / whole)
  return labels.map(({ samples, answers, right }, c) => ({
    name: names?.[c] ?? String(c),
    samples,
    recall: share(right, samples),
    precision: share(right, answers),
    f1: share(2 * right, samples + answers),
  }))
}

function countsOf(confusion: Uint32Array): LabelCounts[] {
  const classes = Math.round(Math.sqrt(confusion.length))
  return Array.from({ length: classes }, (_, c) => {
    let samples = 0
    let answers = 0
    for (let other = 0; other < classes; other++) {
      samples += confusion[c * classes + other]!
      answers += confusion[other * classes + c]!
    }
    return { samples, answers, right: confusion[c * classes + c]! }
  })
}

/** How often samples of each class got each answer, by names, without answers that never occurred and classes without samples. */
export function confusionByName(
  confusion: Uint32Array,
  names: readonly string[],
): Record<string, Record<string, number>> {
  const rows = names.map((name, truth) => {
    const counts = names.map((answer, c) => [answer, confusion[truth * names.length + c]!] as const)
    return [name, Object.fromEntries(counts.filter(([, count]) => count > 0))] as const
  })
  return Object.fromEntries(rows.filter(([, counts]) => Object.keys(counts).length > 0))
}

/** Mean F1 of the classes that have samples; null when none has. */
export function macroF1(classes: readonly ClassFigures[]): number | null {
  const present = classes.filter(({ samples }) => samples > 0)
  return present.length === 0 ? null : present.reduce((sum, { f1 }) => sum + (f1 ?? 0), 0) / present.length
}

/**
 * Figures by name: of amounts mae and rmse, multiplied by `unit`, and r2; of classes accuracy, f1 (the mean over classes that have samples)
 * and, of two, auc; of several labels accuracy (the share of labels that are right) and f1 (the mean over labels that some sample has).
 */
export function figuresOf(evaluation: Evaluation, unit = 1): Record<string, number> {
  const { amounts, accuracy, auc } = evaluation
  if (amounts !== undefined) return { r2: amounts.r2, mae: amounts.mae * unit, rmse: amounts.rmse * unit }
  const f1 = macroF1(classFigures(evaluation))
  if (f1 === null) return { accuracy }
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
    // Ranks count from 1; tied ranks are replaced by their mean.
    for (let i = start; i < end; i++) if (positive[order[i]!]) rankSum += (start + 1 + end) / 2
    start = end
  }
  const positives = positive.filter(Boolean).length
  const negatives = positive.length - positives
  return (rankSum - (positives * (positives + 1)) / 2) / (positives * negatives)
}
