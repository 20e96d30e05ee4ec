// SPDX-License-Identifier: GPL-3.0-or-later
// The parameters of an architecture, one after another in a flat vector.
import { LearningError } from '../errors.ts'
import type { ModelSpec, ModelTopology, ParameterSpec } from '../types.ts'

/** A model file must not make us allocate the machine's memory. */
export const MOST_PARAMETERS = 50_000_000

/** Lays parameters out one after another and checks what every model must satisfy. */
export function buildSpec(
  topology: ModelTopology,
  inputShape: readonly number[],
  classes: number,
  shapes: readonly (readonly [name: string, shape: readonly number[]])[],
): ModelSpec {
  const name = String(topology.config.name ?? 'model')
  if (classes < 1) throw new LearningError('BAD_MODEL', `model ${name}: ${classes} outputs; at least 1 is needed`)
  const parameters: ParameterSpec[] = []
  const seen = new Set<string>()
  let offset = 0
  for (const [parameter, shape] of shapes) {
    if (seen.has(parameter)) {
      throw new LearningError('BAD_MODEL', `model ${name}: two parameters are called ${parameter}; rename a layer`)
    }
    seen.add(parameter)
    const length = shape.reduce((a, b) => a * b, 1)
    parameters.push({ name: parameter, shape: [...shape], offset, length })
    offset += length
  }
  if (offset > MOST_PARAMETERS) {
    throw new LearningError(
      'BAD_MODEL',
      `model ${name}: ${offset} parameters; at most ${MOST_PARAMETERS} are supported`,
    )
  }
  return { name, topology, inputShape: [...inputShape], classes, parameters, parameterCount: offset }
}
