// SPDX-License-Identifier: GPL-3.0-or-later
// Affine layers as explicit rows over their input, so that chains of them can be multiplied out. A pool over a
// convolution sums taps that overlap and cancel; bounds of the product are tighter than bounds of bounds.
import type {
  Conv2dLayer,
  DenseLayer,
  IntegerLayer,
  Integers,
  ScaleLayer,
  SelectLayer,
  SparseLayer,
} from '../graph/layers.ts'

/** out[o] = bias[o] + Σ_k in[indices[k]] · coefficients[k], k from offsets[o] to offsets[o + 1]. */
export type Rows = {
  readonly offsets: Int32Array
  readonly indices: Int32Array
  readonly coefficients: Integers
  readonly bias: Integers
}

export type AffineLayer = Conv2dLayer | DenseLayer | SparseLayer | ScaleLayer | SelectLayer

export function isAffine(layer: IntegerLayer): layer is AffineLayer {
  return ['conv2d', 'dense', 'sparse', 'scale', 'select'].includes(layer.kind)
}

/** Calls `visit(output, input, weight index)` for every tap of a convolution that falls inside the input. */
export function forEachTap(layer: Conv2dLayer, visit: (output: number, input: number, weight: number) => void): void {
  const [height, width, cin] = layer.inShape
  const [outHeight, outWidth, cout] = layer.outShape
  const [kh, kw] = layer.kernel
  const depth = cin / layer.groups
  const perGroup = cout / layer.groups
  for (let y = 0; y < outHeight; y++)
    for (let x = 0; x < outWidth; x++)
      for (let o = 0; o < cout; o++) {
        const output = (y * outWidth + x) * cout + o
        const first = Math.floor(o / perGroup) * depth
        for (let i = 0; i < kh; i++) {
          const row = y * layer.strides[0] + i * layer.dilations[0] - layer.padding.top
          if (row < 0 || row >= height) continue
          for (let j = 0; j < kw; j++) {
            const column = x * layer.strides[1] + j * layer.dilations[1] - layer.padding.left
            if (column < 0 || column >= width) continue
            const from = (row * width + column) * cin + first
            const tap = (i * kw + j) * depth * cout + o
            for (let c = 0; c < depth; c++) visit(output, from + c, tap + c * cout)
          }
        }
      }
}

/** The rows of a layer with constant numbers. `size` is its number of outputs. */
export function rowsOf(layer: AffineLayer, size: number): Rows {
  switch (layer.kind) {
    case 'sparse':
      return layer
    case 'select': {
      const kept = layer.map.filter((from) => from >= 0)
      const offsets = new Int32Array(size + 1)
      for (let o = 0; o < size; o++) offsets[o + 1] = offsets[o]! + (layer.map[o]! >= 0 ? 1 : 0)
      const bias = Float64Array.from(layer.map, (from) => (from < 0 ? layer.fill : 0))
      return { offsets, indices: kept, coefficients: new Float64Array(kept.length).fill(1), bias }
    }
    case 'scale': {
      const period = layer.scale.values.length
      return {
        offsets: Int32Array.from({ length: size + 1 }, (_, i) => i),
        indices: Int32Array.from({ length: size }, (_, i) => i),
        coefficients: Float64Array.from({ length: size }, (_, i) => layer.scale.values[i % period]!),
        bias: Float64Array.from({ length: size }, (_, i) => layer.bias.values[i % period]!),
      }
    }
    case 'dense': {
      const { inputSize, outputSize } = layer
      const total = inputSize * outputSize
      return {
        offsets: Int32Array.from({ length: outputSize + 1 }, (_, o) => o * inputSize),
        indices: Int32Array.from({ length: total }, (_, k) => k % inputSize),
        coefficients: Float64Array.from(
          { length: total },
          (_, k) => layer.weights.values[(k % inputSize) * outputSize + Math.floor(k / inputSize)]!,
        ),
        bias: layer.bias.values,
      }
    }
    case 'conv2d': {
      const offsets = new Int32Array(size + 1)
      forEachTap(layer, (output) => {
        offsets[output + 1]!++
      })
      for (let o = 0; o < size; o++) offsets[o + 1]! += offsets[o]!
      const indices = new Int32Array(offsets[size]!)
      const coefficients = new Float64Array(offsets[size]!)
      let at = 0
      // forEachTap visits outputs in order, so rows fill one after another.
      forEachTap(layer, (_, input, weight) => {
        indices[at] = input
        coefficients[at++] = layer.weights.values[weight]!
      })
      const cout = layer.outShape[2]
      return {
        offsets,
        indices,
        coefficients,
        bias: Float64Array.from({ length: size }, (_, o) => layer.bias.values[o % cout]!),
      }
    }
  }
}

/**
 * The rows of outer ∘ inner; coefficients of the same input are added up. `inputSize`: elements that inner reads. Null where a sum
 * may pass 2^53, and a double would round it.
 */
export function multiplyRows(outer: Rows, inner: Rows, inputSize: number): Rows | null {
  const size = outer.bias.length
  const sums = new Float64Array(inputSize)
  const magnitudes = new Float64Array(inputSize)
  const seen = new Uint8Array(inputSize)
  const offsets = new Int32Array(size + 1)
  const indices: number[] = []
  const coefficients: number[] = []
  const bias = Float64Array.from(outer.bias)
  for (let o = 0; o < size; o++) {
    const touched: number[] = []
    let magnitude = Math.abs(bias[o]!)
    for (let k = outer.offsets[o]!; k < outer.offsets[o + 1]!; k++) {
      const middle = outer.indices[k]!
      const factor = outer.coefficients[k]!
      bias[o]! += factor * inner.bias[middle]!
      magnitude += Math.abs(factor * inner.bias[middle]!)
      for (let l = inner.offsets[middle]!; l < inner.offsets[middle + 1]!; l++) {
        const index = inner.indices[l]!
        sums[index]! += factor * inner.coefficients[l]!
        magnitudes[index]! += Math.abs(factor * inner.coefficients[l]!)
        if (seen[index] === 0) {
          seen[index] = 1
          touched.push(index)
        }
      }
    }
    for (const index of touched) {
      magnitude = Math.max(magnitude, magnitudes[index]!)
      magnitudes[index] = 0
      if (sums[index] !== 0) {
        indices.push(index)
        coefficients.push(sums[index]!)
      }
      sums[index] = 0
      seen[index] = 0
    }
    if (magnitude > Number.MAX_SAFE_INTEGER) return null
    offsets[o + 1] = indices.length
  }
  return { offsets, indices: Int32Array.from(indices), coefficients: Float64Array.from(coefficients), bias }
}
