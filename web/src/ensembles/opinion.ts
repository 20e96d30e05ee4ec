// SPDX-License-Identifier: GPL-3.0-or-later
// What an ensemble said, in words, and how often its members agreed with it.
import { percent } from '../ui/format.ts'
import type { AskedQuestion, EnsembleTale, QuestionStatus } from './events.ts'

/** The question that was decided last; null for none. */
export function latestDecision(questions: readonly AskedQuestion[]): AskedQuestion | null {
  return questions.findLast(({ closed }) => closed?.status === 'decided') ?? null
}

/** Whether a question is open, waits to be closed, or is over. @param now Unix seconds of the newest block */
export function statusOf({ closed, deadline }: AskedQuestion, now: number): QuestionStatus {
  if (closed !== null) return closed.status
  return now > deadline ? 'due' : 'open'
}

/** The decision of a closed question. */
export function opinionOf({ closed }: AskedQuestion, votes: boolean): string {
  if (closed === null) return 'none yet'
  if (closed.status !== 'decided') return 'abstained: no quorum, or no label with the majority'
  if (!votes) return `score ${closed.value}`
  const share = closed.total === 0n ? 0 : Number((closed.support * 1000n) / closed.total) / 1000
  return `label ${closed.value}, with ${percent(share)} of the weight cast`
}

/** Weights over the questions that moved them, the first ones before: what a chart draws. */
export function weightCurves(
  first: readonly number[],
  moved: EnsembleTale['weights'] extends ReadonlyMap<bigint, infer Moves> ? Moves : never,
): { readonly questions: readonly number[]; readonly weights: readonly (readonly number[])[] } {
  return {
    questions: [0, ...moved.map(({ questionId }) => Number(questionId))],
    weights: first.map((weight, member) => [weight, ...moved.map(({ weights }) => weights[member] ?? 0)]),
  }
}
