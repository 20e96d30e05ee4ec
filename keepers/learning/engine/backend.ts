// SPDX-License-Identifier: GPL-3.0-or-later
// Chooses where the arithmetic runs.
import { LearningError } from '../errors.ts'
import type { BackendName, ModelSpec } from '../types.ts'
import type { Engine } from './engine.ts'
import { createFusedEngine, fusedRefusal } from './fused.ts'

export type BackendChoice = BackendName | 'auto'

/**
 * `auto` chooses the fused step if it supports every layer: it has no cost per operation, so on networks of this size it is even faster
 * than native tfjs. Otherwise `auto` takes native tfjs-node if installed, then tfjs on WASM, then plain CPU with a warning. `general` lists
 * the backends that `auto` tries, in order, for models that the fused step does not support. Throws NO_BACKEND when a backend requested by
 * name cannot be loaded.
 */
export async function createEngine(
  spec: ModelSpec,
  choice: BackendChoice = 'auto',
  onWarning?: (text: string) => void,
  general: readonly Exclude<BackendName, 'fused'>[] = ['tfjs-node', 'tfjs-wasm', 'tfjs-cpu'],
): Promise<Engine> {
  if (choice === 'fused') return createFusedEngine(spec)
  if (choice === 'auto' && fusedRefusal(spec) === null) return createFusedEngine(spec)
  const { createTfjsEngine } = await import('./tfjs.ts')
  if (choice !== 'auto') return createTfjsEngine(spec, choice)
  const failures: string[] = []
  for (const backend of general) {
    try {
      const engine = await createTfjsEngine(spec, backend)
      if (backend === 'tfjs-cpu')
        onWarning?.(`training on the plain CPU backend, which is slow: ${failures.join('; ')}`)
      return engine
    } catch (error) {
      failures.push(error instanceof Error ? error.message : String(error))
    }
  }
  throw new LearningError('NO_BACKEND', `no backend can run ${spec.name}: ${failures.join('; ')}`)
}
