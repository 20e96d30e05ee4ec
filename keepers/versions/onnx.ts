// SPDX-License-Identifier: GPL-3.0-or-later
// Reads the architecture of an ONNX file as a LayersModel: a sequence of layers, as exporters write them.
import { LearningError, type ModelSpec, type ModelTopology, sequentialSpec } from '../learning/index.ts'
import type { Graph } from '../zkml/index.ts'

type Layer = { readonly class_name: string; readonly config: Record<string, unknown> }
type Node = Graph['nodes'][number]

/** Functions of scores after the last layer: probabilities, or parts of a Softmax. */
const HEADS: ReadonlySet<string> = new Set(['sigmoid', 'exp', 'log'])

/** A service's requirements of a network. */
export type OnnxForm = {
  readonly inputShape: readonly number[]
  readonly outputs: number
  /** Whether the outputs are labels that hold independently, so that their scores go to separate sigmoids instead of one softmax. */
  readonly labels?: boolean
}

/**
 * The network in an ONNX file as a LayersModel of that form. An ONNX picture has its channels first. If the number of inputs matches, the input is
 * taken to have the form's shape.
 * @throws LearningError BAD_MODEL naming the node without such a layer; CompileError if the file is not ONNX
 */
export function specOfOnnx(graph: Graph, path: string, form: OnnxForm): ModelSpec {
  const topology = topologyOfOnnx(graph, path, form)
  const [first] = topology.config.layers as { config: { batch_input_shape: (number | null)[] } }[]
  const stated = first!.config.batch_input_shape.slice(1) as number[]
  if (product(stated) !== product(form.inputShape)) return sequentialSpec(topology, stated)
  first!.config.batch_input_shape = [null, ...form.inputShape]
  return sequentialSpec(topology, form.inputShape)
}

/** The topology of a graph. A logistic of one score becomes a softmax of two. */
export function topologyOfOnnx(
  graph: Graph,
  path: string,
  { outputs, labels = false }: Omit<OnnxForm, 'inputShape'>,
): ModelTopology {
  const refuse = (what: string): never => {
    throw new LearningError('BAD_MODEL', `${path}: ${what}; convert it to a tfjs LayersModel, or prove it alone (zkml)`)
  }
  const last = graph.nodes.findLastIndex(({ op }) => op === 'dense')
  if (last < 0) refuse('no dense layer (Gemm, MatMul) at the end')
  const layers: Layer[] = []
  let value = graph.input.name
  const { input, shapes } = graph
  for (const node of graph.nodes.slice(0, last + 1)) {
    if (!('input' in node) || node.input !== value) refuse(`${node.name} joins several branches`)
    const layer = layerOf(node, shapes.get(value)!, shapes.get(node.output)!)
    // The manifest says how inputs are scaled. For first weights, the file's scaling is absorbed by the first layer (onnx-weights.ts).
    const scaling = layers.length === 0 && node.op === 'affine'
    if (typeof layer === 'string' && !scaling) refuse(`${node.name}: ${layer}`)
    if (layer !== null && typeof layer !== 'string') layers.push(layer)
    value = node.output
  }
  // The steps from scores to classes or probabilities have no weights and are the same for all models.
  for (const node of graph.nodes.slice(last + 1)) {
    const weighted = node.op === 'conv2d' || node.op === 'embedding'
    const cut = node.op === 'activation' && node.input === value && !HEADS.has(node.fn.kind)
    if (weighted || cut) refuse(`${node.name} after the last dense layer`)
  }
  const { config } = layers.at(-1)!
  if (config.units === 1 && outputs === 2 && !labels) config.units = 2
  config.activation = outputs === 1 || labels ? 'linear' : 'softmax'
  layers[0]!.config.batch_input_shape = [null, ...squeezed(input.shape)]
  return { class_name: 'Sequential', config: { name: graph.name.replaceAll(/[^\w-]/g, '_') || 'onnx', layers } }
}

/** The layer of a node; null for a node that a LayersModel can omit; a text with the reason if there is no such layer. */
function layerOf(node: Node, from: readonly number[], to: readonly number[]): Layer | string | null {
  // Names that tfjs takes, one for each layer.
  const name = node.name.replaceAll(/[^\w-]/g, '_')
  const plain = { name, trainable: true }
  const layer = (class_name: string, config: Record<string, unknown>): Layer => ({
    class_name,
    config: { ...plain, ...config },
  })
  switch (node.op) {
    case 'dense':
      return layer('Dense', { units: node.weights.shape[1], activation: 'linear', use_bias: true })
    case 'conv2d': {
      const [height, width, , filters] = node.weights.shape
      const padding = paddingName(node.padding, [from.at(-3)!, from.at(-2)!], [height!, width!], node.strides)
      if (padding === null) return 'a padding that is neither none nor "same"'
      if (node.groups !== 1 || node.dilations.some((by) => by !== 1)) return 'a convolution in groups or with dilation'
      const sizes = { filters, kernel_size: [height, width], strides: [...node.strides] }
      const rest = {
        padding,
        data_format: 'channels_last',
        dilation_rate: [1, 1],
        activation: 'linear',
        use_bias: true,
      }
      return layer('Conv2D', { ...sizes, ...rest })
    }
    case 'pool': {
      if (Object.values(node.padding).some((side) => side !== 0)) return 'pooling over padding'
      const kind = node.kind === 'max' ? 'MaxPooling2D' : 'AveragePooling2D'
      const sizes = { pool_size: [...node.window], strides: [...node.strides] }
      return layer(kind, { ...sizes, padding: 'valid', data_format: 'channels_last' })
    }
    case 'activation': {
      const { kind } = node.fn
      return kind === 'relu' || kind === 'sigmoid' || kind === 'tanh'
        ? layer('Activation', { activation: kind })
        : `no layer for ${kind}`
    }
    case 'select': {
      const all = node.map.length === product(from) && new Set(node.map).size === node.map.length
      if (!all || node.map.includes(-1)) return 'some values are left out or put in'
      // From channels first to last and back: no layer, and for weights another order (onnx-weights.ts).
      if (squeezed(from).length === 3 && squeezed(to).length === 1) return layer('Flatten', {})
      return null
    }
    case 'argmax':
    case 'scaled':
      return null
    default:
      return `no layer for ${node.op}`
  }
}

function paddingName(
  { top, left, bottom, right }: { top: number; left: number; bottom: number; right: number },
  size: readonly [number, number],
  kernel: readonly [number, number],
  strides: readonly [number, number],
): 'valid' | 'same' | null {
  if (top + left + bottom + right === 0) return 'valid'
  const wanted = size.map((side, i) => {
    const total = Math.max((Math.ceil(side / strides[i]!) - 1) * strides[i]! + kernel[i]! - side, 0)
    return [total >> 1, total - (total >> 1)]
  })
  return `${wanted}` === `${[top, bottom, left, right]}` ? 'same' : null
}

const product = (shape: readonly number[]): number => shape.reduce((all, side) => all * side, 1)

/** The shape without a batch axis of length one in front. */
function squeezed(shape: readonly number[]): readonly number[] {
  return shape.length > 1 && shape[0] === 1 && shape.length !== 3 ? shape.slice(1) : shape
}
