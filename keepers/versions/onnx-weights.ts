// SPDX-License-Identifier: GPL-3.0-or-later
// Converts the weights of an ONNX file to weights of the LayersModel that a manifest describes, so that both compute the same function of a sample.
import { LearningError, specHash } from '../learning/index.ts'
import { importOnnx } from '../zkml/index.ts'
import type { ServiceInput } from './input.ts'
import { specOfOnnx } from './onnx.ts'
import { outputsOf, type ServiceTask } from './task.ts'

type Graph = ReturnType<typeof importOnnx>
type Node = Graph['nodes'][number]
type Layer = { kernel: Float64Array; bias: Float64Array; readonly units: number }
/** Scaling of each input: x becomes x · scale + shift. */
type Scaling = { readonly scale: Float64Array; readonly shift: Float64Array }

/**
 * Weights in the order of the LayersModel's parameters, each rounded to Float32 once, and the hash of its architecture. The weights absorb
 * the file's steps outside its layers: a scaling of raw inputs, except the part that the manifest already applies to a table's columns; the
 * order of a picture's values; a single score for two classes, which becomes two of half its size; the unit of an amount.
 * @throws LearningError BAD_MODEL naming the node that does not fit; CompileError if the file is not ONNX
 */
export function weightsOfOnnx(
  bytes: Uint8Array,
  path: string,
  { input, task }: { readonly input: ServiceInput; readonly task: ServiceTask },
): { readonly weights: Float32Array<ArrayBuffer>; readonly specHash: string } {
  const refuse = (what: string): never => {
    throw new LearningError('BAD_MODEL', `${path}: ${what}: its weights cannot be the first ones, leave --weights out`)
  }
  const graph = importOnnx(bytes)
  const form = { inputShape: input.shape, outputs: outputsOf(task), labels: task.kind === 'labels' }
  const spec = specOfOnnx(graph, path, form)
  const { parameters, parameterCount } = spec
  const layers = layersOf(graph, input, refuse)
  finish(layers.at(-1)!, task, form.outputs)
  const weights = new Float32Array(parameterCount)
  const values = layers.flatMap(({ kernel, bias }) => [kernel, bias])
  for (const [i, { name, offset, length }] of parameters.entries()) {
    const found = values[i]?.length ?? 0
    if (found !== length) refuse(`${found} weights for the ${length} of ${name}`)
    weights.set(values[i]!, offset)
  }
  const odd = weights.findIndex((weight) => !Number.isFinite(weight))
  if (odd >= 0) refuse(`weight ${odd} is ${weights[odd]}`)
  return { weights, specHash: specHash(spec) }
}

/** Kernels and biases in turn; `order`: value i of the graph is value order[i] of the LayersModel. */
function layersOf(graph: Graph, input: ServiceInput, refuse: (what: string) => never): Layer[] {
  const layers: Layer[] = []
  let order = startOrder(graph.input.shape, input.shape)
  let scaling: Scaling | null = null
  for (const node of graph.nodes.slice(0, graph.nodes.findLastIndex(({ op }) => op === 'dense') + 1)) {
    if (node.op === 'select') order = Int32Array.from(node.map, (from) => order[from]!)
    else if (node.op === 'affine') scaling = followedBy(scaling, node, order.length, refuse)
    else if (node.op === 'dense') {
      const layer = reordered(node, order)
      layers.push(scaling === null ? layer : scaled(layer, withoutManifests(scaling, input, order)))
      scaling = null
      order = identity(layer.units)
    } else {
      if ((node.op === 'conv2d' || node.op === 'pool') && !isIdentity(order)) {
        refuse(`${node.name} reads its picture in another order than channels last`)
      }
      if (scaling !== null) refuse(`${node.name} reads scaled pixels`)
      if (node.op === 'conv2d') {
        const { weights, bias } = node
        layers.push({ kernel: weights.data.slice(), bias: bias.data.slice(), units: weights.shape.at(-1)! })
      }
      order = identity(sizeOf(graph.shapes.get(node.output)!))
    }
  }
  return layers
}

/** A picture's values come channels first in the file, and last in the service. */
function startOrder(from: readonly number[], to: readonly number[]): Int32Array {
  const [height = 1, width = 1, channels = 1] = to
  const inFile = from.length === 4 ? from.slice(1) : from
  if (to.length !== 3 || `${inFile}` !== `${[channels, height, width]}`) return identity(sizeOf(to))
  return Int32Array.from({ length: height * width * channels }, (_, i) => {
    const [channel, pixel] = [Math.floor(i / (height * width)), i % (height * width)]
    return pixel * channels + channel
  })
}

/** Reorders the rows of the kernel by where the LayersModel has the values. */
function reordered({ weights, bias }: Extract<Node, { op: 'dense' }>, order: Int32Array): Layer {
  const units = weights.shape[1]!
  const kernel = new Float64Array(weights.data.length)
  for (const [row, to] of order.entries()) {
    kernel.set(weights.data.subarray(row * units, (row + 1) * units), to * units)
  }
  return { kernel, bias: bias.data.slice(), units }
}

function followedBy(
  before: Scaling | null,
  { name, scale, shift }: Extract<Node, { op: 'affine' }>,
  size: number,
  refuse: (what: string) => never,
): Scaling {
  const of = ({ data }: { readonly data: Float64Array }): ((i: number) => number) => {
    if (data.length === 1) return () => data[0]!
    if (data.length === size) return (i) => data[i]!
    return refuse(`${name} scales ${data.length} values of ${size}`)
  }
  const [factor, offset] = [of(scale), of(shift)]
  const { scale: s, shift: t } = before ?? { scale: new Float64Array(size).fill(1), shift: new Float64Array(size) }
  return { scale: s.map((value, i) => value * factor(i)), shift: t.map((value, i) => value * factor(i) + offset(i)) }
}

/**
 * The file's scaling without the manifest's, in the order of the LayersModel's inputs: the file scales raw columns, but the service's model gets
 * (raw − mean) / deviation.
 */
function withoutManifests({ scale, shift }: Scaling, input: ServiceInput, order: Int32Array): Scaling {
  const manifests = input.kind === 'table' ? scalingOf(input) : input.kind === 'tensor' ? eachValue(input) : null
  const outcome = { scale: new Float64Array(scale.length), shift: new Float64Array(scale.length) }
  for (const [i, to] of order.entries()) {
    const { mean, deviation } = manifests?.[to] ?? { mean: 0, deviation: 1 }
    outcome.scale[to] = scale[i]! * deviation
    outcome.shift[to] = scale[i]! * mean + shift[i]!
  }
  return outcome
}

/** The scaling of each number that the model gets. Those of one-hot categories are not scaled. */
function scalingOf({ features, scale, categories = {} }: Extract<ServiceInput, { kind: 'table' }>) {
  return features.flatMap((feature, i) => {
    const category = Object.hasOwn(categories, feature) ? categories[feature] : undefined
    if (category?.as === 'one-hot') return category.values.map(() => ({ mean: 0, deviation: 1 }))
    return [scale?.[i] ?? { mean: 0, deviation: 1 }]
  })
}

/** The entries of a tensor's scaling, for each of its values. */
function eachValue({ shape, scale }: Extract<ServiceInput, { kind: 'tensor' }>) {
  return Array.from({ length: sizeOf(shape) }, (_, i) => scale[i % scale.length]!)
}

function scaled({ kernel, bias, units }: Layer, { scale, shift }: Scaling): Layer {
  const outcome = { kernel: new Float64Array(kernel.length), bias: bias.slice(), units }
  for (const [i, weight] of kernel.entries()) {
    const row = Math.floor(i / units)
    outcome.kernel[i] = weight * scale[row]!
    outcome.bias[i % units]! += weight * shift[row]!
  }
  return outcome
}

/** Absorbs the difference between the service's head and the file's. */
function finish(layer: Layer, task: ServiceTask, outputs: number): void {
  if (task.kind === 'regression') {
    const { mean, deviation } = task.target
    layer.kernel = layer.kernel.map((weight) => weight / deviation)
    layer.bias = layer.bias.map((value) => (value - mean) / deviation)
  } else if (task.kind === 'classification' && layer.units === 1 && outputs === 2) {
    // softmax(−s/2, s/2) of the second class is the logistic of s.
    const halves = (values: Float64Array) => Float64Array.from([...values].flatMap((value) => [-value / 2, value / 2]))
    layer.kernel = halves(layer.kernel)
    layer.bias = halves(layer.bias)
  }
}

const sizeOf = (shape: readonly number[]): number => shape.reduce((all, side) => all * side, 1)
const identity = (length: number): Int32Array => Int32Array.from({ length }, (_, i) => i)
const isIdentity = (order: Int32Array): boolean => order.every((to, i) => to === i)
