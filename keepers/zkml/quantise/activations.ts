// SPDX-License-Identifier: GPL-3.0-or-later
// Activations in integers: ReLU and its leaky kin inside a rescale, clips and smooth curves by pieces, polynomials by products.

import { CompileError } from '../graph/errors.ts'
import { activate } from '../graph/evaluate.ts'
import { elementCount } from '../graph/program.ts'
import { isSmooth } from '../graph/smooth.ts'
import type { ActivationFunction, ActivationNode } from '../graph/types.ts'
import { piecewiseBits } from './bounds.ts'
import { narrowFactor, narrowOperand } from './combine.ts'
import { lowerCurve } from './curve.ts'
import type { Lowering } from './lowering.ts'
import { fitPiecewise } from './piecewise.ts'
import { type LayerDraft, lineDraft, type Value } from './writer.ts'

/** Pieces of a fitted Sigmoid or Tanh between its flat ends; each piece costs one comparator an element. */
const CURVE_SEGMENTS = 7
/** Beyond these a curve is flat to within 0.0004. */
const CURVE_REACH = { sigmoid: { from: -8, to: 8 }, tanh: { from: -4.5, to: 4.5 } } as const
/** Fraction bits of a fitted slope. */
const SLOPE_BITS = 6
/** Fraction bits that a polynomial coefficient gets when it is not a short binary fraction already. */
const COEFFICIENT_BITS = 8
/** A leaky slope is taken as the shortest n / 2^k, k up to 8, within this relative error. */
const SLOPE_TOLERANCE = 0.02

export function lowerActivation(
  context: Lowering,
  node: ActivationNode,
  input: Value,
  shape: readonly number[],
): Value {
  const { fn } = node
  if (isSmooth(fn)) return lowerCurve(context, node, fn, input, shape)
  switch (fn.kind) {
    case 'relu':
      return shifted(context, node, input, { kind: 'relu' })
    case 'leaky-relu': {
      if (fn.slope < 0 || fn.slope > 1)
        throw new CompileError('unsupported-attribute', `${node.name}: slope ${fn.slope}; 0 to 1 is supported`, {
          layer: node.name,
        })
      return shifted(context, node, input, { kind: 'leaky', ...binaryFraction(context, node.name, fn.slope) })
    }
    case 'clip':
      return clip(context, node, fn, input, shape)
    case 'sigmoid':
    case 'tanh':
    case 'hard-sigmoid':
      return curve(context, node, fn, input, shape)
    case 'polynomial':
      return polynomial(context, node, fn.coefficients, input, shape)
  }
}

function shifted(
  context: Lowering,
  node: ActivationNode,
  input: Value,
  activation: Parameters<Lowering['writer']['rescale']>[4],
): Value {
  const { shift } = context.decider.shift(node.name, node.name, input.scale, () => context.peaks(node.output))
  return context.writer.rescale(node.name, [node.name], input, shift, activation, context.alone(node.input))
}

/** Clip is a rescale and then one comparator for each limit; a lower limit of 0 is a ReLU. */
function clip(
  context: Lowering,
  node: ActivationNode,
  fn: Extract<ActivationFunction, { kind: 'clip' }>,
  input: Value,
  shape: readonly number[],
): Value {
  const { writer } = context
  const value = shifted(context, node, input, { kind: fn.min === 0 ? 'relu' : 'identity' })
  const bounds = writer.bounds(value)
  const low = Math.round(fn.min / value.scale)
  const high = Math.round(fn.max / value.scale)
  const breakpoints: number[] = []
  const slopes: number[] = []
  const intercepts: number[] = []
  if (low > bounds.min) {
    slopes.push(0)
    intercepts.push(low)
    breakpoints.push(low)
  }
  slopes.push(1)
  intercepts.push(0)
  if (high < bounds.max) {
    breakpoints.push(high)
    slopes.push(0)
    intercepts.push(high)
  }
  if (breakpoints.length === 2 && low >= high)
    throw new CompileError(
      'bound-exceeded',
      `${node.name}: at this precision its range [${fn.min}, ${fn.max}] is empty; raise the activation bits of ${node.name}`,
      { layer: node.name },
    )
  if (breakpoints.length === 0) return value
  const inside = breakpoints.every((t) => t > bounds.min && t <= bounds.max)
  if (!inside) {
    // The limits lie wholly on one side of what can occur: the result is constant.
    const constant = low >= bounds.max ? low : high
    const map = new Int32Array(value.shape.reduce((a, b) => a * b, 1)).fill(-1)
    return writer.emit(
      `${node.name}_constant`,
      [node.name],
      [value],
      { kind: 'select', map, fill: constant },
      shape,
      value.scale,
    )
  }
  return pieces(context, node, value, { breakpoints, slopes, intercepts }, shape, value.scale)
}

function pieces(
  context: Lowering,
  node: ActivationNode,
  value: Value,
  fit: { breakpoints: number[]; slopes: number[]; intercepts: number[] },
  shape: readonly number[],
  scale: number,
): Value {
  const { breakpoints, slopes, intercepts } = fit
  if (breakpoints.length === 0) {
    const draft = lineDraft(elementCount(value.shape), slopes[0]!, intercepts[0]!)
    return context.writer.emit(`${node.name}_line`, [node.name], [value], draft, shape, scale)
  }
  const bits = piecewiseBits(breakpoints, context.writer.bounds(value))
  const draft: LayerDraft = { kind: 'piecewise', breakpoints, slopes, intercepts, bits }
  return context.writer.emit(`${node.name}_pieces`, [node.name], [value], draft, shape, scale)
}

function curve(
  context: Lowering,
  node: ActivationNode,
  fn: Extract<ActivationFunction, { kind: 'sigmoid' | 'tanh' | 'hard-sigmoid' }>,
  input: Value,
  shape: readonly number[],
): Value {
  const value = narrowOperand(context, node, node.input, input, 'in')
  const hard = fn.kind === 'hard-sigmoid'
  if (hard && !(fn.slope > 0))
    throw new CompileError('unsupported-attribute', `${node.name}: slope ${fn.slope}; more than 0 is needed`, {
      layer: node.name,
    })
  const reach = hard ? { from: -fn.offset / fn.slope, to: (1 - fn.offset) / fn.slope } : CURVE_REACH[fn.kind]
  const bounds = context.writer.bounds(value)
  const fit = fitPiecewise((x) => activate(fn, x), reach, value.scale, bounds, SLOPE_BITS, hard ? 1 : CURVE_SEGMENTS)
  context.writer.note(
    `${node.name}: ${fn.kind} is ${fit.slopes.length} straight pieces, wrong by at most ${fit.error.toPrecision(3)}`,
  )
  return pieces(context, node, value, fit, shape, value.scale * 2 ** -SLOPE_BITS)
}

/** Horner's rule: each step multiplies by x and adds the next coefficient. */
function polynomial(
  context: Lowering,
  node: ActivationNode,
  given: readonly number[],
  input: Value,
  shape: readonly number[],
): Value {
  const coefficients = [...given]
  while (coefficients.length > 1 && coefficients.at(-1) === 0) coefficients.pop()
  const { writer } = context
  const x = narrowFactor(context, node, node.input, input, 'in')
  const size = x.shape.reduce((a, b) => a * b, 1)
  const lead = coefficients.pop()!
  const fraction = fractionBits(lead)
  let y = linear(context, node, x, Math.round(lead * 2 ** fraction), coefficients.pop() ?? 0, 2 ** -fraction, size)
  while (coefficients.length > 0) {
    y = writer.emit(`${node.name}_power`, [node.name], [y, x], { kind: 'multiply' }, shape, y.scale * x.scale)
    y = linear(context, node, y, 1, coefficients.pop()!, 1, size)
  }
  return y
}

/** factor · value + constant, where `factor` stands for factor · unit. Nothing is written for 1 · value + 0. */
function linear(
  context: Lowering,
  node: ActivationNode,
  value: Value,
  factor: number,
  constant: number,
  unit: number,
  size: number,
): Value {
  const scale = value.scale * unit
  const added = Math.round(constant / scale) + 0
  if (factor === 1 && added === 0) return { ...value, scale }
  const draft = lineDraft(size, factor, added)
  return context.writer.emit(`${node.name}_line`, [node.name], [value], draft, value.shape, scale)
}

function fractionBits(value: number): number {
  for (let bits = 0; bits < COEFFICIENT_BITS; bits++) if (Number.isInteger(value * 2 ** bits)) return bits
  return COEFFICIENT_BITS
}

function binaryFraction(
  context: Lowering,
  name: string,
  slope: number,
): { numerator: number; log2Denominator: number } {
  let log2Denominator = 0
  let numerator = Math.round(slope)
  while (Math.abs(numerator / 2 ** log2Denominator - slope) > SLOPE_TOLERANCE * slope && log2Denominator < 8) {
    log2Denominator++
    numerator = Math.round(slope * 2 ** log2Denominator)
  }
  const found = numerator / 2 ** log2Denominator
  if (found !== slope) context.writer.note(`${name}: slope ${slope} is taken as ${numerator}/${2 ** log2Denominator}`)
  return { numerator, log2Denominator }
}
