// SPDX-License-Identifier: GPL-3.0-or-later
// A slow, plain, double-precision network to hold the fast ones against. Shares nothing with them but the layer list.
import { type Layer, readLayers } from '../../../keepers/learning/model/layers.ts'
import type { ModelSpec } from '../../../keepers/learning/types.ts'

/** max |a − b| relative to the largest magnitude of b. */
export function relativeError(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let worst = 0
  let scale = 0
  for (let i = 0; i < b.length; i++) {
    worst = Math.max(worst, Math.abs(a[i]! - b[i]!))
    scale = Math.max(scale, Math.abs(b[i]!))
  }
  return worst / scale
}

const ACTIVATIONS: Record<string, (x: number) => number> = {
  linear: (x) => x,
  softmax: (x) => x,
  relu: (x) => Math.max(0, x),
  sigmoid: (x) => 1 / (1 + Math.exp(-x)),
  tanh: Math.tanh,
}

/** Mean cross-entropy in double precision; `inputs` channels last, dropout off. */
export function referenceLoss(
  spec: ModelSpec,
  weights: ArrayLike<number>,
  inputs: ArrayLike<number>,
  labels: ArrayLike<number>,
): number {
  const layers = readLayers(spec.topology, spec.inputShape)
  if (typeof layers === 'string') throw new Error(layers)
  const size = spec.inputShape.reduce((a, b) => a * b, 1)
  let loss = 0
  for (let n = 0; n < labels.length; n++) {
    let values = Array.from({ length: size }, (_, i) => inputs[n * size + i]!)
    for (const layer of layers) values = run(spec, weights, layer, values)
    const highest = Math.max(...values)
    const sum = values.reduce((total, value) => total + Math.exp(value - highest), 0)
    loss += Math.log(sum) - (values[labels[n]!]! - highest)
  }
  return loss / labels.length
}

function run(spec: ModelSpec, weights: ArrayLike<number>, layer: Layer, x: number[]): number[] {
  const parameter = (name: string) => spec.parameters.find((candidate) => candidate.name === name)?.offset
  if (layer.kind === 'flatten' || layer.kind === 'dropout') return x
  if (layer.kind === 'activation') return x.map(ACTIVATIONS[layer.activation]!)
  if (layer.kind === 'dense') {
    const kernel = parameter(`${layer.name}/kernel`)!
    const bias = parameter(`${layer.name}/bias`)
    return Array.from({ length: layer.units }, (_, u) => {
      let sum = bias === undefined ? 0 : weights[bias + u]!
      for (let i = 0; i < layer.inputs; i++) sum += x[i]! * weights[kernel + i * layer.units + u]!
      return ACTIVATIONS[layer.activation]!(sum)
    })
  }
  const { input, output, strides } = layer
  const at = (row: number, column: number, channel: number) =>
    row < 0 || column < 0 || row >= input.height || column >= input.width
      ? 0
      : x[(row * input.width + column) * input.channels + channel]!
  const result: number[] = []
  for (let row = 0; row < output.height; row++) {
    for (let column = 0; column < output.width; column++) {
      for (let channel = 0; channel < output.channels; channel++) {
        if (layer.kind === 'conv') {
          const kernel = parameter(`${layer.name}/kernel`)!
          const bias = parameter(`${layer.name}/bias`)
          let sum = bias === undefined ? 0 : weights[bias + channel]!
          for (let y = 0; y < layer.kernel[0]; y++) {
            for (let z = 0; z < layer.kernel[1]; z++) {
              for (let c = 0; c < input.channels; c++) {
                const tap = ((y * layer.kernel[1] + z) * input.channels + c) * output.channels + channel
                sum +=
                  weights[kernel + tap]! *
                  at(row * strides[0] + y - layer.padding[0], column * strides[1] + z - layer.padding[2], c)
              }
            }
          }
          result.push(ACTIVATIONS[layer.activation]!(sum))
        } else {
          const seen: number[] = []
          for (let y = 0; y < layer.pool[0]; y++) {
            for (let z = 0; z < layer.pool[1]; z++)
              seen.push(at(row * strides[0] + y, column * strides[1] + z, channel))
          }
          result.push(layer.kind === 'max-pool' ? Math.max(...seen) : seen.reduce((a, b) => a + b, 0) / seen.length)
        }
      }
    }
  }
  return result
}
