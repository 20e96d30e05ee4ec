// SPDX-License-Identifier: GPL-3.0-or-later
// Networks that homomorphic encryption evaluates without rescaling or evaluation keys: dense layers with whole weights, and squares
// between them (CryptoNets, ICML 2016, has the same two kinds).
import { ByteWriter, hash } from '../encoding.ts'
import { FheError } from '../errors.ts'

/** y = W·x + b with W = weights / 2^weightBits. */
export type DenseLayer = {
  /** Rows of W: whole numbers, one row an output. */
  readonly weights: readonly (readonly number[])[]
  readonly bias: readonly number[]
  readonly weightBits: number
}

/** Dense layers in order; every value between two of them is squared. */
export type SquareNetwork = { readonly layers: readonly DenseLayer[] }

/** Squares that a network may have: a further one doubles the members that must answer. */
export const MAX_SQUARES = 2

/** Rounds a layer of real weights, `rows[o][i]`, to multiples of 2^−weightBits. @throws FheError invalid-argument */
export function denseLayer(
  rows: readonly ArrayLike<number>[],
  bias: ArrayLike<number>,
  weightBits: number,
): DenseLayer {
  if (!Number.isInteger(weightBits) || weightBits < 0 || weightBits > 24) {
    throw refuse('weightBits', `${weightBits} is not an integer from 0 to 24`)
  }
  const round = (weight: number) => Math.round(weight * 2 ** weightBits)
  return { weights: rows.map((row) => Array.from(row, round)), bias: Array.from(bias), weightBits }
}

/** Checks shapes and numbers. @returns numbers of inputs and outputs. @throws FheError invalid-argument naming the layer */
export function checkNetwork({ layers }: SquareNetwork): { readonly inputs: number; readonly outputs: number } {
  if (layers.length === 0 || layers.length > MAX_SQUARES + 1) {
    throw refuse('layers', `${layers.length} dense layers; 1 to ${MAX_SQUARES + 1} are possible`)
  }
  let width = layers[0]!.weights[0]?.length ?? 0
  const inputs = width
  for (const [at, { weights, bias }] of layers.entries()) {
    const field = `layers[${at}]`
    if (weights.length === 0 || width === 0) throw refuse(field, 'it has no weights')
    if (weights.length !== bias.length) {
      throw refuse(`${field}.bias`, `${bias.length} values for ${weights.length} outputs`)
    }
    for (const [row, of] of weights.entries()) {
      if (of.length !== width) throw refuse(`${field}.weights[${row}]`, `${of.length} weights for ${width} inputs`)
      if (!of.every(Number.isSafeInteger)) throw refuse(`${field}.weights[${row}]`, 'weights must be whole numbers')
    }
    if (!bias.every(Number.isFinite)) throw refuse(`${field}.bias`, 'it must be finite')
    width = weights.length
  }
  return { inputs, outputs: width }
}

/** Degree of the outputs in the key: 1 without squares, doubled by each. */
export function degreeOf({ layers }: SquareNetwork): number {
  return 2 ** (layers.length - 1)
}

/** The outputs for one sample, in the clear: what an answer is held against. */
export function evaluateClear({ layers }: SquareNetwork, input: ArrayLike<number>): number[] {
  let values = Array.from(input)
  for (const [at, { weights, bias, weightBits }] of layers.entries()) {
    if (at > 0) values = values.map((value) => value * value)
    values = weights.map((row, o) => bias[o]! + row.reduce((sum, w, i) => sum + w * values[i]!, 0) * 2 ** -weightBits)
  }
  return values
}

/** Names a network. For its keepers alone: short weights can be guessed by it. */
export function hashOf({ layers }: SquareNetwork): Uint8Array {
  const writer = new ByteWriter().u16(layers.length)
  for (const { weights, bias, weightBits } of layers) {
    writer
      .u32(bias.length)
      .u32(weights[0]?.length ?? 0)
      .u16(weightBits)
    for (const row of [...weights, bias]) writer.bytes(new Uint8Array(Float64Array.from(row).buffer))
  }
  return hash('inference network', writer.finish())
}

/** Largest Σ|w| of a row, and largest |bias|, of a layer: all that the terms of an inference reveal about its weights. */
export function layerBounds({ weights, bias }: DenseLayer): { readonly rowSum: number; readonly bias: number } {
  return {
    rowSum: Math.max(...weights.map((row) => row.reduce((sum, w) => sum + Math.abs(w), 0))),
    bias: Math.max(...bias.map(Math.abs)),
  }
}

function refuse(field: string, why: string): FheError {
  return new FheError('invalid-argument', `${field}: ${why}`, { field })
}
