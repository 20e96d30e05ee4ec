// SPDX-License-Identifier: GPL-3.0-or-later
// A Python for tests, where there is one: $COHORT_PYTHON, else python3. What it lacks is skipped by name.
import { spawnSync } from 'node:child_process'

export const PYTHON = process.env.COHORT_PYTHON ?? 'python3'

/** Keras asks for TensorFlow unless told. */
export const KERAS_BACKEND = process.env.KERAS_BACKEND ?? 'jax'

const known = new Map<string, boolean>()
export function pythonHas(module: string): boolean {
  const has =
    known.get(module) ??
    spawnSync(PYTHON, ['-c', `import ${module}`], { env: { ...process.env, KERAS_BACKEND } }).status === 0
  known.set(module, has)
  return has
}
