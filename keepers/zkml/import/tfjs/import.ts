// SPDX-License-Identifier: GPL-3.0-or-later
// tfjs LayersModel or graph model → graph: model.json with its shards, or the same as artifacts in memory.
import { z } from 'zod'
import { GraphBuilder } from '../../graph/builder.ts'
import { CompileError } from '../../graph/errors.ts'
import { simplify } from '../../graph/simplify.ts'
import type { Graph, Tensor, ValueName } from '../../graph/types.ts'
import { parseJson } from '../../json.ts'
import { softmax } from '../compose.ts'
import { LayerCall } from './call.ts'
import { importGraphModel } from './graph-model.ts'
import { isSoftmax, LAYER_HANDLERS, type LayerHandler } from './layers.ts'
import { MOVEMENT_HANDLERS } from './movement.ts'
import { isModel, type Layer, MOST_NESTED, parseTopology, type Topology } from './topology.ts'
import { readManifest, readWeights, weightSpec, weightsManifest } from './weights.ts'

const HANDLERS: ReadonlyMap<string, LayerHandler> = new Map([
  ...Object.entries(LAYER_HANDLERS),
  ...Object.entries(MOVEMENT_HANDLERS),
])

/** The layers that a tfjs model may use. */
export function tfjsLayers(): string[] {
  return [...HANDLERS.keys(), 'InputLayer'].sort()
}

/** The parts of tf.io.ModelArtifacts that the importer reads: topology and weights in memory. */
export type TfjsArtifacts = {
  readonly modelTopology: unknown
  readonly weightSpecs: unknown
  readonly weightData: Uint8Array
}

const modelFile = z.object({ modelTopology: z.unknown(), weightsManifest, signature: z.unknown().optional() })
const fileFormat = z.object({ format: z.string() })

/**
 * Reads a model.json and its shards. `shard` gives the bytes of a path in the manifest, undefined when it is not there.
 * @throws CompileError malformed-file, missing-part (naming the shard), unsupported-operator (naming all), not-finite, …
 */
export function importTfjs(modelJson: string, shard: (path: string) => Uint8Array | undefined): Graph {
  let json: unknown
  try {
    json = parseJson(modelJson)
  } catch (error) {
    throw new CompileError('malformed-file', `model.json is not JSON: ${(error as Error).message}`)
  }
  const format = fileFormat.safeParse(json)
  const kind = format.success ? format.data.format : 'layers-model'
  if (kind !== 'layers-model' && kind !== 'graph-model')
    throw new CompileError(
      'unsupported-operator',
      `model.json holds a ${kind}; save it as a layers-model or a graph-model, or convert it to ONNX`,
    )
  const parsed = modelFile.safeParse(json)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    throw new CompileError('malformed-file', `model.json field ${issue!.path.join('.') || '(root)'}: ${issue!.message}`)
  }
  const weights = readManifest(parsed.data.weightsManifest, shard)
  return kind === 'graph-model'
    ? importGraphModel(parsed.data, weights)
    : importModel(parsed.data.modelTopology, weights)
}

/** The same from memory, e.g. from a tf.io save handler. */
export function importTfjsArtifacts(artifacts: TfjsArtifacts): Graph {
  const specs = z.array(weightSpec).safeParse(artifacts.weightSpecs)
  if (!specs.success)
    throw new CompileError(
      'malformed-file',
      `weightSpecs: ${specs.error.issues[0]!.path.join('.')}: ${specs.error.issues[0]!.message}`,
    )
  return importModel(artifacts.modelTopology, readWeights(specs.data, artifacts.weightData, 'weightData'))
}

function importModel(modelTopology: unknown, weights: ReadonlyMap<string, Tensor>): Graph {
  const topology = parseTopology(unwrapped(modelTopology))
  requireKnown(topology)
  const first = inputLayer(topology)
  const builder = new GraphBuilder(topology.name, 'input', inputShape(first), isWhole(first))
  const network = new Network(builder, weights)
  const output = network.run(topology, builder.input)
  if (!network.endsInSoftmax(output)) return simplify(builder.build(output))
  builder.note('a final Softmax was dropped: the scores are compared before it')
  return simplify({ ...builder.build(output), dropped: 'softmax' })
}

/** Inputs of an integer type take whole numbers and no others. */
function isWhole({ config }: Layer): boolean {
  return typeof config.dtype === 'string' && /^(u?int\d+|bool)$/.test(config.dtype)
}

/** Python's exporter wraps the model in {model_config}; older tfjs files hold it as text. */
function unwrapped(topology: unknown): unknown {
  let inner = topology
  if (typeof inner === 'string') {
    try {
      inner = parseJson(inner)
    } catch (error) {
      throw new CompileError('malformed-file', `modelTopology is not JSON: ${(error as Error).message}`)
    }
  }
  const wrapped = z.object({ model_config: z.unknown() }).safeParse(inner)
  return wrapped.success && wrapped.data.model_config !== undefined ? wrapped.data.model_config : inner
}

/** All unknown layers at once, nested models included. */
function requireKnown(topology: Topology): void {
  const unknown = new Set<string>()
  const visit = (each: Topology, depth: number): void => {
    if (depth > MOST_NESTED)
      throw new CompileError('malformed-file', `model ${each.name} lies in more than ${MOST_NESTED} others`, {
        layer: each.name,
      })
    for (const layer of each.layers)
      if (isModel(layer.kind)) visit(nested(layer), depth + 1)
      else if (layer.kind !== 'InputLayer' && !HANDLERS.has(layer.kind)) unknown.add(layer.kind)
  }
  visit(topology, 0)
  if (unknown.size > 0)
    throw new CompileError('unsupported-operator', `layers not supported: ${[...unknown].sort().join(', ')}`, {
      operator: [...unknown][0]!,
    })
}

function nested(layer: Layer): Topology {
  return parseTopology({ class_name: layer.kind, config: layer.config })
}

const batchShape = z.array(z.number().int().nullable()).min(1)

/** The layer that states the input's shape. @throws CompileError for a model of several inputs, or of none. */
function inputLayer(topology: Topology): Layer {
  if (topology.form === 'functional' && topology.inputs.length !== 1)
    throw new CompileError('wrong-input', `the model has ${topology.inputs.length} inputs, not 1`)
  const first =
    topology.form === 'sequential'
      ? topology.layers[0]
      : topology.layers.find((layer) => layer.name === topology.inputs[0]![0])
  if (first === undefined) throw new CompileError('malformed-file', `model ${topology.name} has no input layer`)
  return shapeConfig(first) === undefined && isModel(first.kind) ? inputLayer(nested(first)) : first
}

function shapeConfig({ config }: Layer): unknown {
  return config.batch_input_shape ?? config.batch_shape
}

/** Shape of one sample. @throws CompileError dynamic-shape when a dimension other than the batch is open. */
function inputShape(first: Layer): number[] {
  const given = shapeConfig(first)
  const shape = batchShape.safeParse(given)
  if (!shape.success)
    throw new CompileError(
      'dynamic-shape',
      `layer ${first.name} states no input shape; build the model before saving it`,
    )
  return shape.data.slice(1).map((dimension, axis) => {
    if (dimension !== null) return dimension
    throw new CompileError(
      'dynamic-shape',
      `layer ${first.name}: dimension ${axis + 1} of its input is open; only the batch may vary, save with a fixed number`,
      { layer: first.name },
    )
  })
}

/** Keras counts the building of a nested model as its call 0, so that calls from outside begin at 1. */
function firstCall(topology: Extract<Topology, { form: 'functional' }>, layer: Layer): number {
  if (!isModel(layer.kind)) return 0
  const reads = [...topology.layers.flatMap((each) => each.calls.flat()), ...topology.outputs]
  return reads.some(([name, call]) => name === layer.name && call === 0) ? 0 : 1
}

type Ranked = { readonly scores: ValueName; readonly name: string; readonly axis: number; made?: ValueName }

/** The axis that a Softmax chooses along, without the batch; an activation takes the last one. */
function softmaxAxis(layer: Layer, rank: number): number {
  const { axis } = layer.config
  // Without a word tfjs takes the first axis, Keras the last.
  if (layer.kind !== 'Softmax' || axis === -1 || (axis === undefined && rank === 1)) return rank - 1
  const found = typeof axis === 'number' ? (axis < 0 ? axis + rank : axis - 1) : Number.NaN
  if (!Number.isInteger(found) || found < 0 || found >= rank)
    throw new CompileError(
      'unsupported-attribute',
      `layer ${layer.name}: axis ${JSON.stringify(axis)} of a Softmax over ${rank} axes`,
      {
        layer: layer.name,
        operator: 'Softmax',
      },
    )
  return found
}

/** Runs a model's layers over graph values; nested models run in place. */
class Network {
  private readonly builder: GraphBuilder
  private readonly weights: ReadonlyMap<string, Tensor>
  /** Scores of a Softmax that may turn out to be the last thing in the network, by the value that stands for its result. */
  private readonly ranked = new Map<ValueName, Ranked>()

  constructor(builder: GraphBuilder, weights: ReadonlyMap<string, Tensor>) {
    this.builder = builder
    this.weights = weights
  }

  endsInSoftmax(value: ValueName): boolean {
    return this.ranked.has(value)
  }

  run(topology: Topology, input: ValueName): ValueName {
    return topology.form === 'sequential'
      ? topology.layers.reduce((value, layer) => this.apply(layer, [value]), input)
      : this.runFunctional(topology, input)
  }

  private runFunctional(topology: Extract<Topology, { form: 'functional' }>, input: ValueName): ValueName {
    if (topology.outputs.length !== 1 || topology.inputs.length !== 1)
      throw new CompileError(
        'unsupported-attribute',
        `model ${topology.name} has ${topology.inputs.length} inputs and ${topology.outputs.length} outputs; 1 of each is supported`,
      )
    const key = ([name, call]: readonly [string, number]): string => `${name}:${call}`
    const values = new Map([[key(topology.inputs[0]!), input]])
    const waiting = topology.layers.flatMap((layer) => {
      const first = firstCall(topology, layer)
      return layer.calls.map((reads, call) => ({ layer, reads, call: first + call }))
    })
    while (waiting.length > 0) {
      const at = waiting.findIndex(({ reads }) => reads.every((read) => values.has(key(read))))
      if (at < 0) {
        const [{ layer, reads }] = waiting as [(typeof waiting)[number]]
        throw new CompileError('missing-part', `layer ${layer.name} reads ${reads.map(key)}, which nothing computes`)
      }
      const [{ layer, reads, call }] = waiting.splice(at, 1) as [(typeof waiting)[number]]
      values.set(
        key([layer.name, call]),
        this.apply(
          layer,
          reads.map((read) => values.get(key(read))!),
        ),
      )
    }
    const output = values.get(key(topology.outputs[0]!))
    if (output === undefined)
      throw new CompileError('missing-part', `nothing computes the output ${key(topology.outputs[0]!)}`)
    return output
  }

  private apply(layer: Layer, given: readonly ValueName[]): ValueName {
    if (layer.kind === 'InputLayer') return given[0]!
    const inputs = given.map((value) => this.computed(value))
    if (isModel(layer.kind)) return this.run(nested(layer), inputs[0]!)
    const output = HANDLERS.get(layer.kind)!(new LayerCall(this.builder, layer, inputs, this.weights))
    if (!isSoftmax(layer.kind, layer.config.activation)) return output
    const axis = softmaxAxis(layer, this.builder.shape(output).length)
    const probabilities = { scores: output, name: `${layer.name}.softmax`, axis }
    if (this.builder.shape(output).length !== 1) return this.probabilities(probabilities)
    // A separate value, so that other layers may still read the scores before the Softmax.
    const mark = this.builder.select(
      `${layer.name}.scores`,
      output,
      Int32Array.from({ length: this.builder.shape(output)[0]! }, (_, i) => i),
      this.builder.shape(output),
    )
    this.ranked.set(mark, probabilities)
    return mark
  }

  /** The value that a layer reads. For a Softmax: its probabilities, computed once. */
  private computed(value: ValueName): ValueName {
    const found = this.ranked.get(value)
    if (found === undefined) return value
    found.made ??= this.probabilities(found)
    return found.made
  }

  private probabilities({ scores, name, axis }: Ranked): ValueName {
    return softmax(this.builder, name, 'softmax', scores, [axis])
  }
}
