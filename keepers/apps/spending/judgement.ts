// SPDX-License-Identifier: GPL-3.0-or-later
// A model's verdicts on spends, and how often they are right. Computed in floats here; a caller with a circuit passes its integers.

import type { Model } from '../../learning/index.ts'
import { LearningError, unflatten } from '../../learning/index.ts'
import { featureBits } from './features.ts'
import { type LabelledSpend, SPEND_VERDICTS } from './histories.ts'

const ORDINARY = SPEND_VERDICTS.indexOf('ordinary')
const THEFT = SPEND_VERDICTS.indexOf('theft')

/** A transaction, and the lead of `ordinary` over `theft` in the scores. Without a lead, the verdict is theft. */
export type JudgedSpend = { readonly spend: LabelledSpend; readonly lead: number }

/** The verdicts of a model of `spendSpec` on `spends`, in floats. */
export function judgedBy({ spec, weights }: Model, spends: readonly LabelledSpend[]): JudgedSpend[] {
  const tensors = unflatten(spec, weights)
  const take = (name: string) => tensors.get(name)!
  return spends.map((spend) => {
    const hidden = dense(featureBits(spend.features), take('habits/kernel'), take('habits/bias'), 1 / 255)
    const active = hidden.map((value) => Math.max(0, value))
    const scores = dense(active, take('verdict/kernel'), take('verdict/bias'), 1)
    return { spend, lead: scores[ORDINARY]! - scores[THEFT]! }
  })
}

/** x · W + b, `scale` on x; W is [inputs, outputs], row-major. */
function dense(x: ArrayLike<number>, kernel: Float32Array, bias: Float32Array, scale: number): number[] {
  return Array.from(bias, (start, unit) => {
    let sum = start
    for (let i = 0; i < x.length; i++) sum += x[i]! * scale * kernel[i * bias.length + unit]!
    return sum
  })
}

export type SpendFigures = {
  readonly thefts: number
  readonly ordinary: number
  /** Fractions from 0 to 1: right verdicts among all transactions; below, thefts found, and owners' transactions taken for thefts. */
  readonly accuracy: number
  readonly recall: number
  readonly falseAlarms: number
}

/**
 * How often `judged` are right when a lead of more than `lead` is required.
 * @throws LearningError BAD_DATA when there are no thefts, or only thefts
 */
export function spendFigures(judged: readonly JudgedSpend[], lead = 0): SpendFigures {
  const thefts = judged.filter(({ spend }) => spend.label === THEFT)
  const owners = judged.filter(({ spend }) => spend.label === ORDINARY)
  if (thefts.length === 0 || owners.length === 0) {
    throw new LearningError(
      'BAD_DATA',
      `${thefts.length} thefts and ${owners.length} others; figures need some of each`,
    )
  }
  const stopped = thefts.filter((judgement) => judgement.lead <= lead).length
  const alarms = owners.filter((judgement) => judgement.lead <= lead).length
  return {
    thefts: thefts.length,
    ordinary: owners.length,
    accuracy: (stopped + owners.length - alarms) / judged.length,
    recall: stopped / thefts.length,
    falseAlarms: alarms / owners.length,
  }
}

/**
 * The lead at which the fraction `rate` of the owners' transactions are taken for thefts. Use a validation split for this, never the test split.
 * @param rate from 0 to below 1
 * @throws LearningError BAD_DATA when none is an owner's
 */
export function leadFor(judged: readonly JudgedSpend[], rate: number): number {
  const leads = judged
    .filter(({ spend }) => spend.label === ORDINARY)
    .map(({ lead }) => lead)
    .sort((a, b) => a - b)
  if (leads.length === 0) throw new LearningError('BAD_DATA', 'no spends of owners to choose a threshold on')
  return leads[Math.floor(rate * leads.length)]!
}
