// SPDX-License-Identifier: GPL-3.0-or-later
// What a pool of players and its threads say to each other.
import type { LearningErrorObject } from '../errors.ts'
import type { ModelSpec } from '../types.ts'
import type { ClientData, ClientTask, EvaluationTask } from './client.ts'

export type WorkerData = ClientData & { readonly spec: ModelSpec }
export type WorkerJob =
  | { readonly id: number; readonly kind: 'play'; readonly task: ClientTask }
  | { readonly id: number; readonly kind: 'evaluate'; readonly task: EvaluationTask }
/** Jobs, and the end of all of them. */
export type WorkerRequest = WorkerJob | { readonly kind: 'stop' }
export type WorkerReply =
  | { readonly id: number; readonly outcome: unknown }
  | { readonly id: number; readonly error: LearningErrorObject }
