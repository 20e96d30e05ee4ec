// SPDX-License-Identifier: GPL-3.0-or-later
// The kinds of jobs: pure functions of their input, so that doing one twice, or on another machine, changes nothing.
import type { ClaimSums, ClaimTask } from '../fhe/index.ts'
import type { SliceAnswer, SliceTask } from '../learning/index.ts'
import type { ProofAnswer, ProofTask } from './kinds/proof-task.ts'

export const JOB_NAMES = ['gradients', 'claims', 'proofs'] as const
export type JobName = (typeof JOB_NAMES)[number]

/** Inputs and answers, by kind. */
export type Jobs = {
  readonly gradients: { readonly input: SliceTask; readonly answer: SliceAnswer }
  readonly claims: { readonly input: ClaimTask; readonly answer: ClaimSums }
  readonly proofs: { readonly input: ProofTask; readonly answer: ProofAnswer }
}

export type JobKind<I, O> = {
  readonly name: JobName
  /** Most bytes of an input, and of an answer, before they are sealed. */
  readonly mostInput: number
  readonly mostAnswer: number
  /** How often workers may try a job. */
  readonly attempts: number
  /** Milliseconds within which a worker must take a job; below, within which that worker must do it. */
  readonly pickupMs: number
  readonly timeoutMs: number
  /**
   * The lane of a job: `gradients`, or for proofs the name of the circuit. The same workers take all jobs of a lane. At most 100 letters, digits,
   * `.` and `-`.
   */
  readonly laneOf: (input: I) => string
  readonly encodeInput: (input: I) => Uint8Array | Promise<Uint8Array>
  /** @throws JobError BAD_MESSAGE */
  readonly decodeInput: (bytes: Uint8Array) => Promise<I>
  /** @throws JobError BAD_ANSWER for an answer that cannot be encoded */
  readonly encodeAnswer: (answer: O) => Uint8Array | Promise<Uint8Array>
  /** @throws JobError BAD_MESSAGE, BAD_ANSWER for one that cannot be an answer to this input */
  readonly decodeAnswer: (bytes: Uint8Array, input: I) => Promise<O>
}

/** What a process can do, by kind. */
export type Performers = {
  readonly [N in JobName]?: (input: Jobs[N]['input'], signal?: AbortSignal) => Promise<Jobs[N]['answer']>
}
