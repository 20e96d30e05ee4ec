// SPDX-License-Identifier: GPL-3.0-or-later
// LayersModels that this project does not compute itself: building them with tfjs, and reading off their parameters.
import type * as Tf from '@tensorflow/tfjs'
import { LearningError } from '../errors.ts'
import type { ModelSpec, ModelTopology } from '../types.ts'
import { buildSpec, MOST_PARAMETERS } from './parameters.ts'

export type TfjsModule = typeof Tf

let loaded: Promise<TfjsModule> | null = null

/** tfjs, imported on first use: it takes a tenth of a second and most models never need it. */
export async function loadTfjs(): Promise<TfjsModule> {
  loaded ??= import('@tensorflow/tfjs').then((module) => {
    const tf = ('default' in module ? module.default : module) as TfjsModule
    // A library does not print: this silences tfjs's advertisement, and costly argument checks with it.
    tf.enableProdMode()
    boundWeights(tf)
    return tf
  })
  return loaded
}

/** Values of the weights that tfjs has drawn for the model that it builds. */
let drawn = 0

/** tfjs draws all weights while it builds a model, and shows their shapes only then: one too many is refused before there is memory for it. */
function boundWeights(tf: TfjsModule): void {
  const layer = tf.layers.Layer.prototype as unknown as {
    addWeight(name: string, shape: readonly number[], ...rest: unknown[]): unknown
  }
  const { addWeight } = layer
  layer.addWeight = function (name, shape, ...rest) {
    drawn += shape.reduce((product, side) => product * side, 1)
    if (!(drawn <= MOST_PARAMETERS)) throw new Error(`more than the ${MOST_PARAMETERS} parameters that are supported`)
    return addWeight.call(this, name, shape, ...rest)
  }
}

type LayerJson = { class_name: string; name?: string; config: Record<string, unknown> }

/** A copy with a linear last layer, because the loss works on logits. Throws BAD_MODEL for heads other than softmax or linear. */
export function withoutSoftmax(topology: ModelTopology): ModelTopology {
  const copy = structuredClone(topology) as ModelTopology & {
    config: { layers: LayerJson[]; output_layers?: [string, number, number][] }
  }
  const { layers, output_layers: outputs } = copy.config
  if (outputs !== undefined && outputs.length !== 1) {
    throw new LearningError('BAD_MODEL', `model: ${outputs.length} outputs; only one is supported`)
  }
  const wanted = outputs?.[0]?.[0]
  const last =
    wanted === undefined ? layers.at(-1) : layers.find(({ name, config }) => (name ?? config.name) === wanted)
  if (last === undefined) throw new LearningError('BAD_MODEL', `model: the output layer ${wanted} does not exist`)
  if (last.class_name === 'Softmax') {
    last.class_name = 'Activation'
    last.config = { name: last.config.name, trainable: true, activation: 'linear' }
    return copy
  }
  const activation = last.config.activation ?? 'linear'
  if (last.class_name === 'ReLU' || (activation !== 'softmax' && activation !== 'linear')) {
    throw new LearningError(
      'BAD_MODEL',
      `model: the last layer ends in ${last.class_name === 'ReLU' ? 'relu' : activation}; a classifier ends in softmax or linear`,
    )
  }
  if ('activation' in last.config) last.config.activation = 'linear'
  return copy
}

/** The model, ending in logits. Needs a ready backend. Throws BAD_MODEL with what tfjs has to say. */
export async function buildTfjsModel(tf: TfjsModule, topology: ModelTopology): Promise<Tf.LayersModel> {
  const modelTopology = withoutSoftmax(topology)
  try {
    // From here to the model itself nothing else runs.
    drawn = 0
    return await tf.models.modelFromJSON(modelTopology as never)
  } catch (cause) {
    throw new LearningError('BAD_MODEL', `model: tfjs cannot build it: ${(cause as Error).message}`, { cause })
  }
}

/** The spec of a model that only tfjs understands. Parameters in the order of tfjs's `model.weights`. */
export async function describeWithTfjs(topology: ModelTopology): Promise<ModelSpec> {
  const tf = await loadTfjs()
  if (!tf.getBackend()) await tf.setBackend('cpu')
  await tf.ready()
  const model = await buildTfjsModel(tf, topology)
  try {
    if (model.inputs.length !== 1) {
      throw new LearningError('BAD_MODEL', `model: ${model.inputs.length} inputs; only one is supported`)
    }
    const input = model.inputs[0]!.shape.slice(1)
    const output = model.outputs[0]!.shape.slice(1)
    if (input.some((side) => side === null)) {
      throw new LearningError('BAD_MODEL', `model: the input shape [${input}] has unknown sides; state them`)
    }
    if (output.length !== 1 || output[0] == null) {
      throw new LearningError('BAD_MODEL', `model: the output shape [${output}] is not one vector of classes`)
    }
    return buildSpec(
      topology,
      input as number[],
      output[0],
      model.weights.map((weight) => [weight.originalName, weight.shape as number[]]),
    )
  } finally {
    model.dispose()
  }
}
