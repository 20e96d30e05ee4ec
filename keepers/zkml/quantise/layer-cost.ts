// SPDX-License-Identifier: GPL-3.0-or-later
// The cost of one layer as a circuit: the constraints of its gadget in circuits/lib under circom's O1.
import { distinctComparisons } from '../graph/comparisons.ts'
import type { Conv2dLayer, IntegerLayer, RescaleLayer, SplineLayer, TensorId } from '../graph/layers.ts'
import { elementCount, type IntegerProgram, tensorOf } from '../graph/program.ts'
import { forEachTap } from './affine.ts'
import { areKnown } from './bits.ts'

/** Products and range bits are `quadratic`; `linear` are sums that a gadget takes in as one signal. */
export type Cost = { readonly quadratic: number; readonly linear: number }

/** Constraints of circuits/lib/equal.circom. */
const EQUAL_CONSTRAINTS = 3

const NOTHING: Cost = { quadratic: 0, linear: 0 }

/** Whether a layer's output is signals; the others are expressions, which a gadget takes in by one linear constraint. */
export function yieldsSignals(program: IntegerProgram, layer: IntegerLayer, signals: ReadonlySet<TensorId>): boolean {
  if (layer.kind === 'select') return layer.inputs.every((id) => signals.has(id)) && !layer.map.includes(-1)
  if (layer.kind === 'dense') return program.mode === 'committed'
  if (layer.kind === 'conv2d') return program.mode === 'committed' && !isDirect(layer)
  if (layer.kind === 'rescale' && isHold(layer)) return signals.has(layer.inputs[0]!)
  return ['rescale', 'maxpool', 'multiply', 'piecewise', 'spline', 'bits', 'compare', 'argmax'].includes(layer.kind)
}

/**
 * @param fromSignals whether its first input is signals
 * @param tile largest side of a tile in convolutions with private weights
 */
export function layerCost(program: IntegerProgram, layer: IntegerLayer, fromSignals: boolean, tile: number): Cost {
  const count = elementCount(tensorOf(program, layer.output).shape)
  const taken = fromSignals ? 0 : count
  const committed = program.mode === 'committed'
  switch (layer.kind) {
    case 'sparse':
    case 'select':
      return NOTHING
    case 'conv2d':
      return committed ? privateConvolution(layer, tile, fromSignals) : NOTHING
    case 'dense': {
      if (!committed) return NOTHING
      const inputs = fromSignals ? 0 : layer.inputSize - leavesThatAreSignals(program, layer)
      return { quadratic: layer.inputSize * layer.outputSize, linear: layer.outputSize + inputs }
    }
    case 'scale':
      return committed ? { quadratic: count, linear: 0 } : NOTHING
    case 'rescale': {
      const { kind } = layer.activation
      if (isHold(layer)) return { quadratic: count * layer.bits, linear: taken }
      return {
        quadratic: count * (layer.bits + (kind === 'identity' ? 0 : 1)),
        linear: taken + (kind === 'relu' ? 0 : count),
      }
    }
    case 'maxpool': {
      const width = Math.max(...layer.windows.map((window) => window.length))
      const rounds = count * (width - 1)
      return { quadratic: rounds * (layer.bits + 2), linear: rounds + (fromSignals ? 0 : count * width) }
    }
    case 'argmax': {
      const width = layer.windows[0]!.length
      return {
        quadratic: count * width * (layer.bits + 2),
        // Of two the place is the second selector itself.
        linear: count * (width + (width === 2 ? 2 : 3) + (fromSignals ? 0 : width)),
      }
    }
    case 'multiply':
      return { quadratic: count, linear: 0 }
    case 'piecewise':
      return { quadratic: count * layer.breakpoints.length * (layer.bits + 1), linear: count + taken }
    case 'spline':
      return splineCost(layer, count, taken)
    case 'bits':
      return { quadratic: count, linear: (count / layer.width) * (fromSignals ? 1 : 2) }
    case 'compare': {
      const known = areKnown(layer, program.mode)
      const comparisons = known ? distinctComparisons(layer).first.length : count
      const each = layer.relation === 'equal' ? EQUAL_CONSTRAINTS : layer.bits
      return { quadratic: comparisons * each, linear: !known || !fromSignals ? comparisons : 0 }
    }
    case 'paths':
      return { quadratic: layer.parents.reduce((inner, from) => (from < 0 ? inner : inner + 1), 0), linear: 0 }
    case 'lookup': {
      const positions = count / layer.width
      return {
        quadratic: positions * layer.rows * (committed ? layer.width + 1 : 1),
        linear: positions * 2 + (fromSignals ? 0 : positions),
      }
    }
  }
}

/** Of a tree's leaves those on a 1 side are signals, the others are differences. */
function leavesThatAreSignals(program: IntegerProgram, { inputs: [source] }: IntegerLayer): number {
  const producer = program.layers.find((layer) => layer.output === source)
  return producer?.kind === 'paths' ? producer.leaves.reduce((sum, from) => sum + (from & 1), 0) : 0
}

function splineCost({ low, bits, shift, select, tails }: SplineLayer, count: number, taken: number): Cost {
  const lines = 2 ** select - select
  // The line takes v as a separate signal, unless v is the input.
  if (tails === undefined)
    return { quadratic: count * (bits + lines), linear: taken + (shift === 0 && low === 0 ? 0 : count) }
  const [below, above] = [tails.below ?? 0, tails.above ?? 0]
  // A side that is closed below fixes the sign, so the sign's own constraint is redundant then.
  const closed = (tails.above === null ? 1 : 0) - (tails.below === null ? 1 : 0)
  const apart = below === above ? 0 : 1
  return {
    quadratic: count * (bits + lines + select + 4 + closed + apart),
    linear: taken + count * (1 + (below === 0 && above === 0 ? 0 : 1)),
  }
}

/** A range check alone: the value goes on as it is. */
function isHold(layer: RescaleLayer): boolean {
  return layer.shift === 0 && layer.activation.kind === 'identity'
}

/** Whether each tap is a separate product. */
function isDirect({ kernel, dilations }: Conv2dLayer): boolean {
  return (kernel[0] === 1 && kernel[1] === 1) || dilations[0] !== 1 || dilations[1] !== 1
}

/** Toom–Cook products tile by tile, phase by phase; see circuits/lib/private_conv2d.circom. */
function privateConvolution(layer: Conv2dLayer, tile: number, fromSignals: boolean): Cost {
  const [oh, ow, cout] = layer.outShape
  const [kh, kw] = layer.kernel
  const cin = layer.inShape[2]
  const depth = cin / layer.groups
  if (isDirect(layer)) {
    let taps = 0
    forEachTap(layer, () => {
      taps++
    })
    return { quadratic: taps, linear: 0 }
  }
  const points = (outputs: number, kernel: number, stride: number): number[] => {
    const sides: number[] = []
    for (let at = 0; at < outputs; at += tile) {
      const side = Math.min(tile, outputs - at)
      for (let phase = 0; phase < stride && phase < kernel; phase++)
        sides.push(side + Math.ceil((kernel - phase) / stride) - 1)
    }
    return sides
  }
  const total = (sides: readonly number[]): number => sides.reduce((sum, side) => sum + side, 0)
  const inputs = fromSignals ? 0 : layer.inShape[0] * layer.inShape[1] * cin
  const each = total(points(oh, kh, layer.strides[0])) * total(points(ow, kw, layer.strides[1]))
  return { quadratic: each * depth * cout, linear: each * cin + oh * ow * cout + inputs }
}
