// SPDX-License-Identifier: GPL-3.0-or-later
// Stands in for tfjs.ts in a page, which trains only the networks that the project's own kernel runs.
import { LearningError } from '../errors.ts'
import type { BackendName, ModelSpec } from '../types.ts'
import type { Engine } from './engine.ts'

/** @throws LearningError NO_BACKEND always */
export async function createTfjsEngine(spec: ModelSpec, backend: Exclude<BackendName, 'fused'>): Promise<Engine> {
  throw new LearningError('NO_BACKEND', `${backend}: a page trains only what the fused step supports, not ${spec.name}`)
}
