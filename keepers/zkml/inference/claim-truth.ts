// SPDX-License-Identifier: GPL-3.0-or-later
// Whether a claim about a batch is true, in the integers that the circuits count with.
import type { BatchStatement } from '../circuit/index.ts'
import type { IntegerProgram } from '../graph/program.ts'
import { interpret } from '../quantise/interpret.ts'

const PERMILLE = 1000

/** A measured quality. Gaps are fractions: `over` of `of`, both whole; a group without members has of = 0. */
export type Measured =
  | { readonly kind: 'right'; readonly right: number; readonly count: number }
  | { readonly kind: 'gaps'; readonly gaps: readonly Gap[] }

type Gap = { readonly over: number; readonly of: number }

/** Runs the model on a batch. @param marks see MarkedBatch */
export function measureAnswers(
  program: IntegerProgram,
  statement: BatchStatement,
  inputs: readonly Float64Array[],
  marks: readonly number[],
): Measured {
  const answers = inputs.map((input) => answerOf(interpret(program, input).scores))
  const labels = answers.map(({ label }) => label)
  switch (statement.kind) {
    case 'accuracy':
      return {
        kind: 'right',
        right: labels.filter((label, i) => label === marks[i]).length,
        count: labels.length,
      }
    case 'fairness':
      return { kind: 'gaps', gaps: [gapOf(labels, marks, [0, 1], statement.positive)] }
    case 'odds':
      return {
        kind: 'gaps',
        gaps: [gapOf(labels, marks, [0, 1], statement.positive), gapOf(labels, marks, [2, 3], statement.positive)],
      }
    case 'calibration': {
      const errors = statement.bins.map(({ from, confidence }, j) => {
        const end = statement.bins[j + 1]?.from ?? Number.POSITIVE_INFINITY
        const here = answers.flatMap(({ label, margin }, i) =>
          margin >= from && margin < end ? [label === marks[i]] : [],
        )
        return Math.abs(PERMILLE * here.filter(Boolean).length - confidence * here.length)
      })
      const total = errors.reduce((sum, error) => sum + error, 0)
      return { kind: 'gaps', gaps: [{ over: total, of: PERMILLE * answers.length }] }
    }
  }
}

/** The strongest claim that is true; infinite when none is. */
export function strongest(statement: BatchStatement, measured: Measured): number {
  const refutes = statement.refutes === true
  if (measured.kind === 'right') {
    if (!refutes) return measured.right
    return measured.right < measured.count ? measured.right + 1 : Number.POSITIVE_INFINITY
  }
  const permille = measured.gaps
    .filter(({ of }) => !refutes || of > 0)
    .map(({ over, of }) => (of === 0 ? Number.POSITIVE_INFINITY : Math.ceil((PERMILLE * over) / of)))
  const bound = Math.max(...permille)
  if (!refutes) return bound
  return bound >= 1 ? bound - 1 : Number.POSITIVE_INFINITY
}

export function isTrue(statement: BatchStatement, measured: Measured, claim: number): boolean {
  const most = strongest(statement, measured)
  if (!Number.isFinite(most)) return false
  const upwards = (measured.kind === 'right') === (statement.refutes === true)
  return upwards ? claim >= most : claim <= most
}

/** Why a claim is not true. */
export function untruth(statement: BatchStatement, measured: Measured, claim: number): string {
  const refutes = statement.refutes === true
  if (measured.kind === 'right') {
    const claimed = refutes ? `the refutation says fewer than ${claim}` : `the claim is ${claim}`
    return `the model gets ${measured.right} of ${measured.count} right, ${claimed}`
  }
  // A refutation needs one pair of groups with members.
  if (refutes ? measured.gaps.every(({ of }) => of === 0) : measured.gaps.some(({ of }) => of === 0)) {
    return statement.kind === 'odds' ? 'one of the four cells has no members' : 'one of the two groups has no members'
  }
  const what = statement.kind === 'calibration' ? 'the calibration error' : 'the gap'
  const worst = Math.max(...measured.gaps.map(({ over, of }) => (of === 0 ? 0 : Math.ceil((PERMILLE * over) / of))))
  return `${what} is ${worst} permille, the ${refutes ? 'refutation says more than' : 'claim is at most'} ${claim}`
}

/** As ArgMax and Margin (circuits/lib): the lowest of equal labels, and how far the best score is above the others. */
function answerOf(scores: ArrayLike<number>): { label: number; margin: number } {
  const list = Array.from(scores)
  const best = Math.max(...list)
  const label = list.indexOf(best)
  return { label, margin: best - Math.max(...list.filter((_, i) => i !== label)) }
}

/** |positives₁ members₀ − positives₀ members₁| of members₀ members₁, for the samples with the two marks. */
function gapOf(
  labels: readonly number[],
  marks: readonly number[],
  groups: readonly [number, number],
  positive: number,
): Gap {
  const [zero, one] = groups.map((group) => labels.filter((_, i) => marks[i] === group))
  const [zeros, ones] = [zero!, one!].map((list) => list.filter((label) => label === positive).length)
  return { over: Math.abs(ones! * zero!.length - zeros! * one!.length), of: zero!.length * one!.length }
}
