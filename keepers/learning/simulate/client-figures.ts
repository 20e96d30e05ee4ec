// SPDX-License-Identifier: GPL-3.0-or-later
// How well a model answers one client, as far as its mix of classes goes.
import { classFigures, macroF1 } from '../train/figures.ts'
import type { Evaluation } from '../types.ts'

/** Accuracy 0 … 1 (of amounts R²), mean loss, and mean F1 of the classes or labels that the client has; null of amounts. */
export type ClientFigures = { readonly accuracy: number; readonly loss: number; readonly f1: number | null }

type Seen = Pick<Evaluation, 'confusion'> & { readonly classLoss: Float64Array }

/**
 * Figures on test samples mixed as a client's own: each class of the test set counts by the client's share of it. Null if the client has no
 * samples, or if the test set lacks its classes.
 */
export function mixedFigures({ confusion, classLoss }: Seen, histogram: Uint32Array): ClientFigures | null {
  const classes = histogram.length
  const rows = Array.from({ length: classes }, (_, c) => confusion.subarray(c * classes, (c + 1) * classes))
  const factors = rows.map((row, c) => {
    const tested = row.reduce((sum, count) => sum + count, 0)
    return tested === 0 ? 0 : histogram[c]! / tested
  })
  const total = (of: (c: number) => number) => rows.reduce((sum, _, c) => sum + factors[c]! * of(c), 0)
  const labels = rows.map((row, c) => ({
    samples: factors[c]! * row.reduce((sum, count) => sum + count, 0),
    answers: total((truth) => rows[truth]![c]!),
    right: factors[c]! * row[c]!,
  }))
  const samples = labels.reduce((sum, counts) => sum + counts.samples, 0)
  if (samples === 0) return null
  return {
    accuracy: labels.reduce((sum, { right }) => sum + right, 0) / samples,
    loss: total((c) => classLoss[c]!) / samples,
    f1: macroF1(classFigures({ confusion, labels })),
  }
}
