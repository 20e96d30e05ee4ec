// SPDX-License-Identifier: GPL-3.0-or-later
// The flat vector of a model: its order, and its first values.
import { LearningError } from '../errors.ts'
import { deriveSeed, SeededRandom } from '../random.ts'
import type { ModelSpec } from '../types.ts'

/** Throws BAD_VECTOR unless `vector` has the model's length and only finite values. */
export function checkVector(spec: ModelSpec, vector: Float32Array, what = 'weights'): void {
  if (vector.length !== spec.parameterCount) {
    throw new LearningError(
      'BAD_VECTOR',
      `${what}: ${vector.length} values, but ${spec.name} has ${spec.parameterCount} parameters`,
    )
  }
  for (let i = 0; i < vector.length; i++) {
    if (!Number.isFinite(vector[i])) {
      const parameter = spec.parameters.find(({ offset, length }) => i >= offset && i < offset + length)
      throw new LearningError('BAD_VECTOR', `${what}[${i}] (${parameter?.name}) is ${vector[i]}, not a finite number`)
    }
  }
}

/** One array per parameter tensor (copies), in order, by name. Throws BAD_VECTOR on a wrong length or a non-finite value. */
export function unflatten(spec: ModelSpec, vector: Float32Array): Map<string, Float32Array<ArrayBuffer>> {
  checkVector(spec, vector)
  return new Map(
    spec.parameters.map(({ name, offset, length }) => [
      name,
      new Float32Array(vector.subarray(offset, offset + length)),
    ]),
  )
}

/** The inverse. Every parameter must be there with its exact length, and nothing else. */
export function flatten(spec: ModelSpec, tensors: ReadonlyMap<string, Float32Array>): Float32Array<ArrayBuffer> {
  const vector = new Float32Array(spec.parameterCount)
  for (const { name, offset, length } of spec.parameters) {
    const values = tensors.get(name)
    if (values === undefined) throw new LearningError('BAD_VECTOR', `parameter ${name} of ${spec.name} is missing`)
    if (values.length !== length) {
      throw new LearningError('BAD_VECTOR', `parameter ${name} has ${values.length} values, expected ${length}`)
    }
    vector.set(values, offset)
  }
  if (tensors.size !== spec.parameters.length) {
    const known = new Set(spec.parameters.map(({ name }) => name))
    const stranger = [...tensors.keys()].find((name) => !known.has(name))
    throw new LearningError('BAD_VECTOR', `parameter ${stranger} does not belong to ${spec.name}`)
  }
  checkVector(spec, vector)
  return vector
}

/**
 * Glorot-uniform kernels (Glorot & Bengio 2010), zero biases, and for batch normalisation ones where ones belong.
 * Only exactly rounded arithmetic, so a seed gives the same bits on every machine.
 */
export function initialWeights(spec: ModelSpec, seed: number): Float32Array<ArrayBuffer> {
  const vector = new Float32Array(spec.parameterCount)
  for (const [index, { name, shape, offset, length }] of spec.parameters.entries()) {
    if (shape.length < 2) {
      if (/\/(gamma|moving_variance)$/.test(name)) vector.fill(1, offset, offset + length)
      continue
    }
    const random = new SeededRandom(deriveSeed(seed, 0x11, index))
    const receptive = shape.slice(0, -2).reduce((a, b) => a * b, 1)
    const depthwise = name.endsWith('depthwise_kernel')
    const fanIn = receptive * (depthwise ? 1 : shape.at(-2)!)
    const fanOut = receptive * shape.at(-1)!
    const limit = Math.sqrt(6 / (fanIn + fanOut))
    for (let i = offset; i < offset + length; i++) vector[i] = (2 * random.uniform() - 1) * limit
  }
  return vector
}
