// SPDX-License-Identifier: GPL-3.0-or-later
// Layers that every format has and that are made of several nodes here: maxima over axes, softmax, normalisation.
import type { GraphBuilder } from '../graph/builder.ts'
import { reduceTargets } from '../graph/evaluate.ts'
import { elementCount } from '../graph/program.ts'
import type { SoftmaxKind, ValueName } from '../graph/types.ts'

/** The largest over axes: those are moved to the front, as the height of an image, and pooled away. */
export function largest(
  builder: GraphBuilder,
  name: string,
  x: ValueName,
  axes: readonly number[],
  keepDims: boolean,
): ValueName {
  const shape = builder.shape(x)
  const kept = shape.map((_, axis) => axis).filter((axis) => !axes.includes(axis))
  const moved = builder.transpose(`${name}.front`, x, [...axes, ...kept])
  const height = axes.reduce((product, axis) => product * shape[axis]!, 1)
  const channels = kept.reduce((product, axis) => product * shape[axis]!, 1)
  const image = builder.reshape(`${name}.image`, moved, [height, 1, channels])
  const pooled = builder.unary(name, image, {
    op: 'pool',
    kind: 'max',
    window: [height, 1],
    strides: [1, 1],
    dilations: [1, 1],
    padding: { top: 0, left: 0, bottom: 0, right: 0 },
  })
  const to = keepDims
    ? shape.map((length, axis) => (axes.includes(axis) ? 1 : length))
    : kept.map((axis) => shape[axis]!)
  return builder.reshape(`${name}.flat`, pooled, to)
}

/**
 * exp(x − max) / Σ exp(x − max) over the axes together, or its logarithm. The largest difference is 0 and the sum lies between 1 and the number
 * of elements, so the tables of exp, 1 / x and log hold for every input. Elements that `mask` marks with 1 are left out, as −∞ would be; every
 * list must keep at least one.
 */
export function softmax(
  builder: GraphBuilder,
  name: string,
  kind: SoftmaxKind,
  given: ValueName,
  axes: readonly number[],
  mask?: ArrayLike<number>,
): ValueName {
  const shape = builder.shape(given)
  const x = mask === undefined ? given : builder.select(`${name}.open`, given, openMap(shape, axes, mask), shape)
  const within = { min: 1, max: elementCount(axes.map((axis) => shape[axis]!)) }
  const most = largest(builder, `${name}.max`, x, axes, true)
  const below = builder.nary(`${name}.below`, [x, most], { op: 'binary', kind: 'subtract' })
  const all = builder.unary(`${name}.exp`, below, { op: 'activation', fn: { kind: 'exp' }, within: { max: 0 } })
  const kept = Int32Array.from({ length: elementCount(shape) }, (_, i) =>
    mask !== undefined && mask[i] === 1 ? -1 : i,
  )
  const exp = mask === undefined ? all : builder.select(`${name}.kept`, all, kept, shape, 0)
  const sum = builder.unary(`${name}.sum`, exp, { op: 'reduce', kind: 'sum', axes, keepDims: true })
  if (kind === 'softmax') {
    const inverse = builder.unary(`${name}.inverse`, sum, { op: 'activation', fn: { kind: 'reciprocal' }, within })
    return builder.nary(name, [exp, inverse], { op: 'binary', kind: 'multiply' })
  }
  const log = builder.unary(`${name}.log`, sum, { op: 'activation', fn: { kind: 'log' }, within })
  return builder.nary(name, [below, log], { op: 'binary', kind: 'subtract' })
}

/** max + ln Σ exp(x − max) over the axes together, each kept with length 1; the tables hold for every input, as a Softmax's do. */
export function logSumExp(builder: GraphBuilder, name: string, x: ValueName, axes: readonly number[]): ValueName {
  const within = { min: 1, max: elementCount(axes.map((axis) => builder.shape(x)[axis]!)) }
  const most = largest(builder, `${name}.max`, x, axes, true)
  const below = builder.nary(`${name}.below`, [x, most], { op: 'binary', kind: 'subtract' })
  const exp = builder.unary(`${name}.exp`, below, { op: 'activation', fn: { kind: 'exp' }, within: { max: 0 } })
  const sum = builder.unary(`${name}.sum`, exp, { op: 'reduce', kind: 'sum', axes, keepDims: true })
  const log = builder.unary(`${name}.log`, sum, { op: 'activation', fn: { kind: 'log' }, within })
  return builder.nary(name, [most, log], { op: 'binary', kind: 'add' })
}

/** An element that is left out reads another one of its list instead, which does not change the maximum. */
function openMap(shape: readonly number[], axes: readonly number[], mask: ArrayLike<number>): Int32Array {
  const targets = reduceTargets(shape, axes)
  const open = new Map<number, number>()
  for (const [i, target] of targets.entries()) if (mask[i] !== 1 && !open.has(target)) open.set(target, i)
  return targets.map((target, i) => (mask[i] === 1 ? open.get(target)! : i))
}

export type Standardised = { readonly value: ValueName; readonly mean: ValueName | null; readonly inverse: ValueName }

/** (x − mean) / √(variance + epsilon) over axes; without `centred`, x / √(mean of x² + epsilon). */
export function standardised(
  builder: GraphBuilder,
  name: string,
  x: ValueName,
  axes: readonly number[],
  epsilon: number,
  centred = true,
): Standardised {
  const average = (of: ValueName, what: string): ValueName =>
    builder.unary(`${name}.${what}`, of, { op: 'reduce', kind: 'mean', axes, keepDims: true })
  const mean = centred ? average(x, 'mean') : null
  const distance = mean === null ? x : builder.nary(`${name}.distance`, [x, mean], { op: 'binary', kind: 'subtract' })
  const square = builder.activation(`${name}.square`, distance, { kind: 'polynomial', coefficients: [0, 0, 1] })
  const inverse = builder.activation(`${name}.inverse`, average(square, 'variance'), {
    kind: 'composed',
    of: {
      is: 'apply',
      fn: { kind: 'power', exponent: -0.5 },
      of: { is: 'affine', factor: 1, offset: epsilon, of: { is: 'x' } },
    },
  })
  const value = builder.nary(`${name}.standard`, [distance, inverse], { op: 'binary', kind: 'multiply' })
  return { value, mean, inverse }
}
