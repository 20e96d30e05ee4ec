// SPDX-License-Identifier: GPL-3.0-or-later
// Integer programs with seeded weights, for tests: the nets whose circuits are measured, and small ones of every layer.

import type {
  Conv2dLayer,
  DenseLayer,
  IntegerLayer,
  Parameter,
  RescaleLayer,
  SparseLayer,
} from '../../../../keepers/zkml/graph/layers.ts'
import type { IntegerProgram, IntegerTensor, Mode, OutputSpec } from '../../../../keepers/zkml/graph/program.ts'
import { interpret } from '../../../../keepers/zkml/quantise/interpret.ts'

/** A small deterministic generator (mulberry32), uniform in [0, 1). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

export function randomIntegers(count: number, min: number, max: number, random: () => number): Float64Array {
  return Float64Array.from({ length: count }, () => min + Math.floor(random() * (max - min + 1)))
}

/** Weights that look like trained ones: a triangular distribution over a signed range. */
export function parameter(count: number, magnitude: number, bits: number, random: () => number): Parameter {
  const values = Float64Array.from({ length: count }, () => Math.round((random() + random() - 1) * magnitude))
  return { values, bits }
}

/** Collects layers and tensors; element bounds are tracked by the magnitude that each layer can reach. */
export class ProgramBuilder {
  readonly tensors: IntegerTensor[] = []
  readonly layers: IntegerLayer[] = []
  readonly mode: Mode
  private last: IntegerTensor
  readonly inputBits: number
  readonly inputMin: number

  constructor(mode: Mode, shape: readonly number[], inputBits: number, inputMin = 0) {
    this.mode = mode
    this.inputBits = inputBits
    this.inputMin = inputMin
    this.last = this.tensor('image', shape, inputMin, inputMin + 2 ** inputBits - 1)
  }

  tensor(id: string, shape: readonly number[], min: number, max: number): IntegerTensor {
    const tensor = { id, shape, bounds: { min, max }, scale: 1 }
    this.tensors.push(tensor)
    this.last = tensor
    return tensor
  }

  get current(): IntegerTensor {
    return this.last
  }

  conv(
    name: string,
    kernel: number,
    cout: number,
    weights: Parameter,
    bias: Parameter,
    more: Partial<Conv2dLayer> = {},
  ) {
    const [h, w, cin] = this.last.shape as [number, number, number]
    const strides = more.strides ?? [1, 1]
    const dilations = more.dilations ?? [1, 1]
    const padding = more.padding ?? { top: 0, left: 0, bottom: 0, right: 0 }
    const groups = more.groups ?? 1
    const span = (size: number, before: number, after: number, axis: 0 | 1) =>
      Math.floor((size + before + after - (kernel - 1) * dilations[axis] - 1) / strides[axis]) + 1
    const oh = span(h, padding.top, padding.bottom, 0)
    const ow = span(w, padding.left, padding.right, 1)
    const layer: Conv2dLayer = {
      kind: 'conv2d',
      name,
      inputs: [this.last.id],
      output: `${name}_t`,
      sources: [name],
      inShape: [h, w, cin],
      outShape: [oh, ow, cout],
      kernel: [kernel, kernel],
      strides,
      dilations,
      padding,
      groups,
      weights,
      bias,
    }
    this.layers.push(layer)
    const cg = cin / groups
    const columns = Array.from({ length: cout }, (_, o) =>
      Array.from({ length: kernel * kernel * cg }, (_, i) => weights.values[i * cout + o]!),
    )
    this.linear(`${name}_t`, [oh, ow, cout], columns, weights, bias)
    return this
  }

  dense(name: string, outputs: number, weights: Parameter, bias: Parameter) {
    const inputSize = this.last.shape.reduce((a, b) => a * b, 1)
    const layer: DenseLayer = {
      kind: 'dense',
      name,
      inputs: [this.last.id],
      output: `${name}_t`,
      sources: [name],
      inputSize,
      outputSize: outputs,
      weights,
      bias,
    }
    this.layers.push(layer)
    const columns = Array.from({ length: outputs }, (_, o) =>
      Array.from({ length: inputSize }, (_, i) => weights.values[i * outputs + o]!),
    )
    this.linear(`${name}_t`, [outputs], columns, weights, bias)
    return this
  }

  /** Sums of 2 × 2 windows, which is average pooling with the division left to the scale. */
  sumPool(name: string) {
    const [h, w, c] = this.last.shape as [number, number, number]
    const [oh, ow] = [h >> 1, w >> 1]
    const indices: number[] = []
    for (let y = 0; y < oh; y++) {
      for (let x = 0; x < ow; x++) {
        for (let o = 0; o < c; o++) {
          for (const [i, j] of [
            [0, 0],
            [0, 1],
            [1, 0],
            [1, 1],
          ] as const) {
            indices.push(((2 * y + i) * w + 2 * x + j) * c + o)
          }
        }
      }
    }
    const count = oh * ow * c
    const layer: SparseLayer = {
      kind: 'sparse',
      name,
      inputs: [this.last.id],
      output: `${name}_t`,
      sources: [name],
      offsets: Int32Array.from({ length: count + 1 }, (_, i) => 4 * i),
      indices: Int32Array.from(indices),
      coefficients: new Float64Array(4 * count).fill(1),
      bias: new Float64Array(count),
    }
    this.layers.push(layer)
    const { min, max } = this.last.bounds
    this.tensor(`${name}_t`, [oh, ow, c], 4 * min, 4 * max)
    return this
  }

  relu(name: string, outBits: number, bits = signedBitsOf(this.last.bounds)) {
    const shift = Math.max(0, bits - 1 - outBits)
    const layer: RescaleLayer = {
      kind: 'rescale',
      name,
      inputs: [this.last.id],
      output: `${name}_t`,
      sources: [name],
      shift,
      bits,
      unsigned: false,
      activation: { kind: 'relu' },
    }
    this.layers.push(layer)
    this.tensor(`${name}_t`, this.last.shape, 0, Math.floor(this.last.bounds.max / 2 ** shift))
    return this
  }

  push(layer: IntegerLayer, shape: readonly number[], min: number, max: number) {
    this.layers.push(layer)
    this.tensor(layer.output, shape, min, max)
    return this
  }

  build(name: string, output: OutputSpec): IntegerProgram {
    return {
      format: 'cohort-zkml-program',
      version: 1,
      name,
      mode: this.mode,
      input: { tensor: 'image', bits: this.inputBits, min: this.inputMin },
      scores: this.last.id,
      output,
      tensors: this.tensors,
      layers: this.layers,
      notes: [],
    }
  }

  /** Bounds of a linear layer: of the weights at hand, or of any weights of those bits in committed mode. */
  private linear(id: string, shape: readonly number[], columns: number[][], weights: Parameter, bias: Parameter) {
    const { min, max } = this.last.bounds
    const outputs = columns.map((column, o) => {
      if (this.mode === 'committed') {
        const reach =
          column.length * Math.max(Math.abs(min), Math.abs(max)) * 2 ** (weights.bits - 1) + 2 ** (bias.bits - 1)
        return [-reach, reach]
      }
      let [low, high] = [bias.values[o]!, bias.values[o]!]
      for (const weight of column) {
        low += Math.min(weight * min, weight * max, 0)
        high += Math.max(weight * min, weight * max, 0)
      }
      return [low, high]
    })
    this.tensor(id, shape, Math.min(...outputs.map(([low]) => low!)), Math.max(...outputs.map(([, high]) => high!)))
  }
}

export function signedBitsOf({ min, max }: { min: number; max: number }): number {
  let bits = 2
  while (-(2 ** (bits - 1)) > min || max >= 2 ** (bits - 1)) bits++
  return bits
}

/**
 * The article's CNN, 44,426 parameters: conv 6@5×5, conv 16@5×5, dense 120, 84, 10; average pooling before the activation, or
 * after it. Weights are seeded, of the magnitudes that quantising a trained one gives.
 */
export function articleCnn(pool: 'before' | 'after', seed = 1): IntegerProgram {
  return pictureCnn(`article-cnn-pool-${pool}`, pool, { channels: [6, 16], units: [120, 84] }, seed)
}

/** The article's CNN with a quarter of its channels and a fifth of its units: the same layers, compiled in a tenth of the time. */
export function narrowArticleCnn(seed = 1): IntegerProgram {
  return pictureCnn('narrow-article-cnn', 'before', { channels: [2, 4], units: [24, 16] }, seed)
}

type Widths = { readonly channels: readonly [number, number]; readonly units: readonly [number, number] }

function pictureCnn(name: string, pool: 'before' | 'after', { channels, units }: Widths, seed: number): IntegerProgram {
  const random = seeded(seed)
  const builder = new ProgramBuilder('released', [28, 28, 1], 8)
  const block = (index: number, cin: number, cout: number, magnitude: number, reluBits: number) => {
    const weights = parameter(25 * cin * cout, magnitude, 4, random)
    builder.conv(`conv${index}`, 5, cout, weights, parameter(cout, 100, 12, random))
    if (pool === 'before') builder.sumPool(`pool${index}`).relu(`relu${index}`, reluBits)
    else builder.relu(`relu${index}`, reluBits).sumPool(`pool${index}`)
  }
  const [[c1, c2], [u1, u2]] = [channels, units]
  block(1, 1, c1, 4, 7)
  block(2, c1, c2, 2, 11)
  builder.dense('dense1', u1, parameter(16 * c2 * u1, 1.2, 3, random), parameter(u1, 20, 12, random)).relu('relu3', 12)
  builder.dense('dense2', u2, parameter(u1 * u2, 1.2, 3, random), parameter(u2, 20, 12, random)).relu('relu4', 14)
  builder.dense('dense3', 10, parameter(10 * u2, 5, 4, random), parameter(10, 50, 12, random))
  return builder.build(name, { kind: 'label' })
}

/**
 * A small CNN with private weights: conv 4@5×5 of stride 2, average pooling, ReLU, dense 32, dense 10: 5,000 parameters or so.
 * Accumulators carry the bits of any weights, so a layer is wider than with known ones.
 */
export function smallCommittedCnn(seed = 2): IntegerProgram {
  return committedCnn('small-cnn', 4, 16, seed)
}

/** The same with half of its channels and of its units: a quarter of its weights. */
export function narrowCommittedCnn(seed = 2): IntegerProgram {
  return committedCnn('narrow-cnn', 2, 8, seed)
}

function committedCnn(name: string, channels: number, units: number, seed: number): IntegerProgram {
  const random = seeded(seed)
  const builder = new ProgramBuilder('committed', [28, 28, 1], 8)
  const kernels = parameter(25 * channels, 7, 4, random)
  builder.conv('conv1', 5, channels, kernels, parameter(channels, 100, 12, random), { strides: [2, 2] })
  builder.sumPool('pool1').relu('relu1', 8)
  const weights = parameter(36 * channels * units, 7, 4, random)
  builder.dense('dense1', units, weights, parameter(units, 100, 12, random)).relu('relu2', 13)
  builder.dense('dense2', 10, parameter(10 * units, 7, 5, random), parameter(10, 100, 12, random))
  return builder.build(name, { kind: 'label' })
}

/** A classifier of 4 × 4 bytes, dense 8, dense 3, with a label and its margin: as small as a whole circuit gets. */
export function smallClassifier(seed = 3): IntegerProgram {
  const random = seeded(seed)
  const builder = new ProgramBuilder('released', [4, 4, 1], 8)
  builder.dense('dense1', 8, parameter(128, 7, 4, random), parameter(8, 100, 12, random)).relu('relu1', 8)
  builder.dense('dense2', 3, parameter(24, 7, 4, random), parameter(3, 100, 12, random))
  return builder.build('small-classifier', { kind: 'margin' })
}

/** Six inputs, five hidden units, three labels. */
export function smallPerceptron(mode: Mode): IntegerProgram {
  const random = seeded(31)
  return new ProgramBuilder(mode, [6], 4)
    .dense('dense1', 5, parameter(30, 6, 4, random), parameter(5, 30, 8, random))
    .relu('relu1', 6)
    .dense('dense2', 3, parameter(15, 6, 4, random), parameter(3, 30, 8, random))
    .build(`batch-${mode}`, { kind: 'label' })
}

/** The label that a program gives an input. */
export function labelOf(program: IntegerProgram, input: ArrayLike<number>): number {
  const { scores } = interpret(program, input)
  return scores.indexOf(Math.max(...scores))
}
