// SPDX-License-Identifier: GPL-3.0-or-later
// Row-major tensors and the index arithmetic that the graph, the importers and the quantiser share.
import { CompileError } from './errors.ts'
import { elementCount } from './program.ts'
import type { Tensor } from './types.ts'

/** A tensor of `shape` holding `data`. @throws CompileError shape-mismatch when the lengths differ. */
export function tensor(shape: readonly number[], data: ArrayLike<number>): Tensor {
  if (elementCount(shape) !== data.length)
    throw new CompileError(
      'shape-mismatch',
      `a tensor of shape [${shape}] holds ${elementCount(shape)} numbers, found ${data.length}`,
    )
  return { shape: [...shape], data: data instanceof Float64Array ? data : Float64Array.from(data) }
}

/** Largest tensor that the compiler accepts, in elements: limits the memory that a corrupt file can make it allocate. */
const MAX_ELEMENTS = 2 ** 26

/** Number of elements of `shape`. @throws CompileError shape-mismatch when it is not a shape, or larger than supported. */
export function checkedCount(shape: readonly number[], what?: string): number {
  const count = elementCount(shape)
  if (shape.some((dimension) => !Number.isInteger(dimension) || dimension < 0) || !(count <= MAX_ELEMENTS))
    throw new CompileError(
      'shape-mismatch',
      `${what === undefined ? '' : `${what}: `}a tensor of shape [${shape}]; up to ${MAX_ELEMENTS} elements are supported`,
      what === undefined ? {} : { layer: what },
    )
  return count
}

export function filled(shape: readonly number[], value: number): Tensor {
  checkedCount(shape)
  return { shape: [...shape], data: new Float64Array(elementCount(shape)).fill(value) }
}

export function scalar(value: number): Tensor {
  return { shape: [], data: Float64Array.of(value) }
}

/** Refuses NaN and infinities, naming the layer: such a weight has no integer to stand for it. */
export function requireFinite(values: ArrayLike<number>, what: string, layer: string): void {
  for (let i = 0; i < values.length; i++)
    if (!Number.isFinite(values[i]))
      throw new CompileError(
        'not-finite',
        `${what} of ${layer} holds ${values[i]} at position ${i}; retrain or export the model again`,
        { layer },
      )
}

/** Elements between neighbours along each axis of a row-major tensor. */
export function stridesOf(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length).fill(1)
  for (let axis = shape.length - 2; axis >= 0; axis--) strides[axis] = strides[axis + 1]! * shape[axis + 1]!
  return strides
}

export function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((dimension, axis) => dimension === b[axis])
}

/** Shape that two shapes broadcast to by NumPy's rules. @throws CompileError shape-mismatch naming both. */
export function broadcastShape(a: readonly number[], b: readonly number[], layer: string): number[] {
  const rank = Math.max(a.length, b.length)
  return Array.from({ length: rank }, (_, axis) => {
    const left = a[axis - rank + a.length] ?? 1
    const right = b[axis - rank + b.length] ?? 1
    if (left !== right && left !== 1 && right !== 1)
      throw new CompileError('shape-mismatch', `${layer}: shapes [${a}] and [${b}] do not broadcast`, { layer })
    return Math.max(left, right)
  })
}

/** For each element of `to`, the flat index of the element of `from` that broadcasts to it. `from` must broadcast to `to`. */
export function broadcastMap(from: readonly number[], to: readonly number[]): Int32Array {
  const strides = stridesOf(from)
  const offset = to.length - from.length
  const steps = to.map((_, axis) => (axis < offset || from[axis - offset] === 1 ? 0 : strides[axis - offset]!))
  return stridedMap(to, steps, 0)
}

/** Flat indices start + Σ index[axis]·steps[axis] for every index of `shape`, row-major. */
export function stridedMap(shape: readonly number[], steps: readonly number[], start: number): Int32Array {
  const map = new Int32Array(checkedCount(shape))
  const index = new Array<number>(shape.length).fill(0)
  let position = start
  for (let i = 0; i < map.length; i++) {
    map[i] = position
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      index[axis]!++
      position += steps[axis]!
      if (index[axis]! < shape[axis]!) break
      position -= steps[axis]! * shape[axis]!
      index[axis] = 0
    }
  }
  return map
}

/** The index map of a transposition: output axis i is input axis permutation[i]. */
export function transposeMap(shape: readonly number[], permutation: readonly number[]): Int32Array {
  const strides = stridesOf(shape)
  return stridedMap(
    permutation.map((axis) => shape[axis]!),
    permutation.map((axis) => strides[axis]!),
    0,
  )
}

export function identityMap(length: number): Int32Array {
  const map = new Int32Array(length)
  for (let i = 0; i < length; i++) map[i] = i
  return map
}

/** A tensor with element i = input[map[i]], or `fill` where map[i] < 0. */
export function take(input: Tensor, map: Int32Array, shape: readonly number[], fill = 0): Tensor {
  const data = new Float64Array(map.length)
  for (let i = 0; i < map.length; i++) data[i] = map[i]! < 0 ? fill : input.data[map[i]!]!
  return tensor(shape, data)
}

/** A non-negative axis from one that may count from the end. @throws CompileError unsupported-attribute. */
export function normaliseAxis(axis: number, rank: number, layer: string): number {
  const positive = axis < 0 ? axis + rank : axis
  if (!Number.isInteger(axis) || positive < 0 || positive >= rank)
    throw new CompileError('unsupported-attribute', `${layer}: axis ${axis} is outside a tensor of rank ${rank}`, {
      layer,
    })
  return positive
}
