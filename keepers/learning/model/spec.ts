// SPDX-License-Identifier: GPL-3.0-or-later
// Architectures as data: parsing, the order of the parameters, and the hash that pins both.
import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js'
import { z } from 'zod'
import { LearningError } from '../errors.ts'
import type { ModelSpec, ModelTopology } from '../types.ts'
import { type Layer, readLayers } from './layers.ts'
import { buildSpec } from './parameters.ts'

const topologySchema = z.looseObject({
  class_name: z.enum(['Sequential', 'Functional', 'Model']),
  config: z.looseObject({ name: z.string().optional(), layers: z.array(z.unknown()).min(1) }),
})
const modelJsonSchema = z.looseObject({
  modelTopology: z.union([
    topologySchema,
    // The Keras converter writes the same, one level down.
    z.looseObject({ model_config: topologySchema }).transform((outer) => outer.model_config),
  ]),
})

/** The topology inside a model.json object. Throws BAD_MODEL with the path of the wrong field. */
export function readTopology(modelJson: unknown): ModelTopology {
  const parsed = modelJsonSchema.safeParse(modelJson)
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!
    throw new LearningError(
      'BAD_MODEL',
      `model.json: ${issue.path.join('.') || 'root'}: ${issue.message}; expected a tfjs LayersModel (Sequential or functional)`,
    )
  }
  return parsed.data.modelTopology
}

/**
 * An architecture from a tfjs model.json object (only its `modelTopology` is read).
 * Asks tfjs for the parameters when the model has layers that this project does not compute itself.
 */
export async function parseModelSpec(modelJson: unknown): Promise<ModelSpec> {
  const topology = readTopology(modelJson)
  const inputShape = statedInputShape(topology)
  if (inputShape !== null) {
    const layers = readLayers(topology, inputShape)
    if (typeof layers !== 'string') return specFromLayers(topology, inputShape, layers)
  }
  const { describeWithTfjs } = await import('./tfjs-model.ts')
  return describeWithTfjs(topology)
}

/** For topologies that `readLayers` understands; throws BAD_MODEL when it does not. */
export function sequentialSpec(topology: ModelTopology, inputShape: readonly number[]): ModelSpec {
  const layers = readLayers(topology, inputShape)
  if (typeof layers === 'string') throw new LearningError('BAD_MODEL', `model: ${layers}`)
  return specFromLayers(topology, inputShape, layers)
}

function specFromLayers(topology: ModelTopology, inputShape: readonly number[], layers: readonly Layer[]): ModelSpec {
  const last = layers.at(-1)
  const ending = last !== undefined && 'activation' in last ? last.activation : 'linear'
  if (ending !== 'softmax' && ending !== 'linear') {
    throw new LearningError(
      'BAD_MODEL',
      `model: the last layer ends in ${ending}; a classifier ends in softmax or linear`,
    )
  }
  const shapes: [string, number[]][] = []
  // The output may come straight from a flattened image, without a dense layer after it.
  let classes = 0
  for (const layer of layers) {
    if (layer.kind === 'conv') {
      shapes.push([`${layer.name}/kernel`, [...layer.kernel, layer.input.channels, layer.output.channels]])
      if (layer.bias) shapes.push([`${layer.name}/bias`, [layer.output.channels]])
    } else if (layer.kind === 'dense') {
      shapes.push([`${layer.name}/kernel`, [layer.inputs, layer.units]])
      if (layer.bias) shapes.push([`${layer.name}/bias`, [layer.units]])
      classes = layer.units
    } else if (layer.kind === 'flatten') classes = layer.length
  }
  return buildSpec(topology, inputShape, classes, shapes)
}

function statedInputShape(topology: ModelTopology): number[] | null {
  const config = topology.config as { layers?: { config?: { batch_input_shape?: unknown } }[] }
  const stated = z
    .array(z.number().int().positive().nullable())
    .min(2)
    .safeParse(config.layers?.[0]?.config?.batch_input_shape)
  if (!stated.success) return null
  const shape = stated.data.slice(1)
  return shape.every((side) => side !== null) ? (shape as number[]) : null
}

// Bookkeeping that varies between writers of the same architecture.
const INCIDENTAL = /(_initializer|^dtype|^ragged|^sparse|^keras_version|^backend)$/

/**
 * SHA-256 (hex) that pins an architecture and the order of its flat vector. Initialisers, dtypes and the versions of the writer do not enter it;
 * everything that changes the meaning of the numbers does.
 */
export function specHash(spec: ModelSpec): string {
  const content = {
    topology: { class_name: spec.topology.class_name, config: spec.topology.config },
    inputShape: spec.inputShape,
    classes: spec.classes,
    parameters: spec.parameters.map(({ name, shape }) => [name, shape]),
  }
  return bytesToHex(sha256(utf8ToBytes(`cohort-model-spec-v1\n${canonicalJson(content)}`)))
}

/** JSON with sorted keys and without nulls: a missing option and a null one mean the same. */
function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`
  if (value !== null && typeof value === 'object') {
    const entries = Object.entries(value)
      .filter(([key, entry]) => entry !== null && entry !== undefined && !INCIDENTAL.test(key))
      .sort(([a], [b]) => (a < b ? -1 : 1))
    return `{${entries.map(([key, entry]) => `${JSON.stringify(key)}:${canonicalJson(entry)}`).join(',')}}`
  }
  return JSON.stringify(value)
}
