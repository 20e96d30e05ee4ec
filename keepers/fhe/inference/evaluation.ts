// SPDX-License-Identifier: GPL-3.0-or-later
// The outputs of a network as polynomials in the requester's secret: Σ_i c_i·s^i, of degree 1 after dense layers, doubled by each square.
// No evaluation key is needed, because keepers answer for powers of s with powers of their shares.
import { FheError } from '../errors.ts'
import type { Block } from '../kernel/kernel.ts'
import { roundPolynomial } from '../round-polynomial.ts'
import type { Progress } from '../types.ts'
import { checkNetwork, type DenseLayer, type SquareNetwork } from './network.ts'
import type { RequestParts } from './request.ts'
import type { InferenceRing } from './ring.ts'

/** c_0, c_1, … of one value. */
export type Components = readonly Block[]

/**
 * Lends the components of every output of the network for a request. The network must be the one that the terms were made for.
 * @throws FheError invalid-argument
 */
export function withOutputs<T>(
  ring: InferenceRing,
  network: SquareNetwork,
  request: RequestParts,
  use: (outputs: readonly Components[]) => T,
  progress: Progress = {},
): T {
  const { terms } = ring
  const { inputs, outputs } = checkNetwork(network)
  if (inputs !== terms.inputs || outputs !== terms.outputs || network.layers.length !== 1 + Math.log2(terms.degree)) {
    throw new FheError('invalid-argument', 'the network has not the shape that these terms were made for')
  }
  let scaleBits = terms.scaleBits
  let values: readonly Components[] = []
  /** Takes the place of what was there, which goes back to the kernel. */
  const step = (next: readonly Components[]) => {
    release(ring, values)
    values = next
  }
  try {
    for (const [at, layer] of network.layers.entries()) {
      if (at === 0) {
        step(firstLayer(ring, layer, request, progress))
      } else {
        step(values.map((value) => square(ring, value)))
        step(dense(ring, layer, values))
        scaleBits *= 2
      }
      scaleBits += layer.weightBits
      for (const [o, bias] of layer.bias.entries()) ring.addConstant(values[o]![0]!, atScale(bias, scaleBits))
    }
    return use(values)
  } finally {
    release(ring, values)
  }
}

/** The first layer takes in one input after the other: only its own outputs are in memory. */
function firstLayer(ring: InferenceRing, layer: DenseLayer, request: RequestParts, progress: Progress): Components[] {
  const { kernel, terms } = ring
  const sums = layer.weights.map(() => zeros(ring, 2))
  kernel.borrow([kernel.polynomialBytes], (input) => {
    for (let i = 0; i < terms.inputs; i++) {
      progress.signal?.throwIfAborted()
      const halves = [request.ciphertexts[i]!, roundPolynomial(kernel, request.polynomialSeed, i)]
      for (const [part, half] of halves.entries()) {
        kernel.write(input!, half)
        for (const [o, row] of layer.weights.entries()) ring.scaleAdd(sums[o]![part]!, input!, BigInt(row[i]!))
      }
      progress.onProgress?.(i + 1, terms.inputs)
    }
  })
  return sums
}

function dense(ring: InferenceRing, layer: DenseLayer, values: readonly Components[]): Components[] {
  return layer.weights.map((row) => {
    const sum = zeros(ring, values[0]!.length)
    for (const [i, weight] of row.entries()) {
      for (const [part, block] of sum.entries()) ring.scaleAdd(block, values[i]![part]!, BigInt(weight))
    }
    return sum
  })
}

/** (Σ c_i·s^i)²: (2k + 1 components of k + 1). */
function square(ring: InferenceRing, value: Components): Components {
  const out = zeros(ring, 2 * value.length - 1)
  for (const [i, left] of value.entries()) {
    for (const [j, right] of value.entries()) ring.addProduct(out[i + j]!, left, right)
  }
  return out
}

function zeros(ring: InferenceRing, count: number): Block[] {
  const { kernel } = ring
  return Array.from({ length: count }, () => {
    const block = kernel.allocate(kernel.polynomialBytes)
    kernel.view(block).fill(0)
    return block
  })
}

function release(ring: InferenceRing, values: readonly Components[]): void {
  for (const block of values.flat()) ring.kernel.release(block)
}

/** value·2^bits to a whole number, with all of a double's 53 bits for values of 2^-64 and more. */
function atScale(value: number, bits: number): bigint {
  const kept = Math.min(bits, 116)
  return BigInt(Math.round(value * 2 ** kept)) << BigInt(bits - kept)
}
