// SPDX-License-Identifier: GPL-3.0-or-later
// The quality of scores as one number, at most 1: for a float network's scores, or for the proven integers'.
import type { ServiceTask } from '../versions/index.ts'
import { accuracyOf } from '../zkml/index.ts'

export type Judged = { readonly labels: readonly number[]; readonly targets: readonly Float32Array[] }

/** Accuracy; for several labels, the share that is right; for amounts R². Scores of amounts are in their unit, as they are proven. */
export function judge(task: ServiceTask, scores: readonly Float64Array[], { labels, targets }: Judged): number {
  if (task.kind === 'classification') return accuracyOf(scores, labels)
  if (task.kind === 'labels') {
    const outputs = task.labels.length
    const right = scores.reduce(
      (sum, row, i) => sum + row.filter((score, label) => score >= 0 === targets[i]![label]! > 0.5).length,
      0,
    )
    return right / (scores.length * outputs)
  }
  const { mean, deviation } = task.target
  const wanted = targets.map((row) => row[0]! * deviation + mean)
  const centre = wanted.reduce((sum, value) => sum + value, 0) / wanted.length
  const spread = wanted.reduce((sum, value) => sum + (value - centre) ** 2, 0)
  const missed = wanted.reduce((sum, value, i) => sum + (value - scores[i]![0]!) ** 2, 0)
  return spread === 0 ? 0 : 1 - missed / spread
}
