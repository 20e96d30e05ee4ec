// SPDX-License-Identifier: GPL-3.0-or-later
// Chooses the network of a service: the owner's own, a named one, or a small one that fits the sample.
import { readFile, stat } from 'node:fs/promises'
import { extname, join } from 'node:path'
import {
  isModelName,
  LearningError,
  MODEL_NAMES,
  type ModelSpec,
  modelSpec,
  parseJson,
  parseModelSpec,
  sequentialSpec,
} from '../learning/index.ts'
import {
  answersOf,
  endsInAffine,
  lossOfTask,
  type OnnxForm,
  outputsOf,
  type ServiceTask,
  specOfOnnx,
} from '../versions/index.ts'
import { importOnnx } from '../zkml/index.ts'
import type { Sample } from './sample.ts'

/** With fewer rows or columns, the convolutions of small-cnn leave nothing. */
const LEAST_SIDE = 14
const MOST_HIDDEN = 32
const LEAST_HIDDEN = 8

/**
 * The architecture that `wanted` means for a sample: a named one, or the one of a tfjs LayersModel (a model.json or its folder) or of an ONNX file,
 * without the weights; by default a small network.
 * @param embedding For text: how many numbers the embedding of a word has.
 * @throws LearningError BAD_MODEL, MODEL_DATA_MISMATCH naming the model's input and the sample's
 */
export async function chooseArchitecture(
  wanted: string | undefined,
  sample: Sample,
  embedding?: number,
): Promise<ModelSpec> {
  const form = { inputShape: sample.input.shape, classes: outputsOf(sample.task) }
  const loss = lossOfTask(sample.task)
  if (embedding !== undefined && (wanted !== undefined || sample.input.kind !== 'text')) {
    throw new LearningError('BAD_PARAMETERS', '--embedding is the default network of a --text: leave --model out')
  }
  if (wanted === undefined) return { ...usual(sample, embedding), loss }
  if (isModelName(wanted)) {
    if (sample.task.kind !== 'regression') return { ...modelSpec(wanted, form), loss }
    throw new LearningError(
      'MODEL_DATA_MISMATCH',
      `${wanted} tells classes apart, the sample is of amounts: leave --model out, or bring a model of one output`,
    )
  }
  const labels = sample.task.kind === 'labels'
  const read = await readArchitecture(wanted, { ...form, outputs: form.classes, labels })
  const spec = { ...read, loss }
  if (`${spec.inputShape}` !== `${form.inputShape}` || spec.classes !== form.classes) {
    throw new LearningError(
      'MODEL_DATA_MISMATCH',
      `${wanted}: takes [${spec.inputShape}] and ${givesText(spec.classes)}; ` +
        `the sample has [${form.inputShape}] and ${answersText(sample.task)}`,
    )
  }
  if (sample.task.kind === 'regression' && !endsInAffine(spec)) {
    throw new LearningError(
      'MODEL_DATA_MISMATCH',
      `${wanted}: the model of an amount is Sequential and ends in a linear Dense layer of one unit with a bias`,
    )
  }
  return spec
}

async function readArchitecture(path: string, form: OnnxForm): Promise<ModelSpec> {
  const fail = (cause: unknown): never => {
    throw new LearningError(
      'BAD_MODEL',
      `${path} is neither one of ${MODEL_NAMES.join(', ')} nor a LayersModel's model.json nor an .onnx file: ${(cause as Error).message.split('\n')[0]}`,
      { cause },
    )
  }
  if (extname(path).toLowerCase() === '.onnx') {
    const bytes = await readFile(path).catch(fail)
    return specOfOnnx(importOnnx(bytes), path, form)
  }
  let json: unknown
  try {
    const file = (await stat(path)).isDirectory() ? join(path, 'model.json') : path
    json = parseJson(await readFile(file, 'utf8'))
  } catch (cause) {
    return fail(cause)
  }
  return await parseModelSpec(json)
}

const givesText = (outputs: number): string =>
  outputs === 1 ? 'puts out one amount' : `tells ${outputs} classes apart`

function answersText(task: ServiceTask): string {
  const names = answersOf(task)
  return typeof names === 'number' ? 'one amount' : `${names.length} (${names.slice(0, 5).join(', ')})`
}

function usual({ input, task, train }: Sample, embedding: number | undefined): ModelSpec {
  const outputs = outputsOf(task)
  const [height = 1, width = 1, channels] = input.kind === 'picture' || input.kind === 'tensor' ? input.shape : []
  if (channels !== undefined && Math.min(height, width) >= LEAST_SIDE) {
    return modelSpec('small-cnn', { inputShape: input.shape, classes: outputs })
  }
  const values = input.shape.reduce((product, side) => product * side, 1)
  // One hidden unit for every 25 samples, within what stays cheap to prove.
  const hidden = Math.max(LEAST_HIDDEN, Math.min(MOST_HIDDEN, values, Math.round(train.count / 25)))
  const layer = (name: string, units: number, activation: string, use_bias = true) => ({
    class_name: 'Dense',
    config: { name, trainable: true, units, activation, use_bias },
  })
  const layers: { class_name: string; config: Record<string, unknown> }[] = [
    ...(input.shape.length > 1 ? [{ class_name: 'Flatten', config: { name: 'flatten', trainable: true } }] : []),
    // For a bag of words there is no hidden layer: each word adds to the classes' scores. With one, every place would have more weights to prove.
    ...(input.kind === 'text' ? [] : [layer('hidden', hidden, 'relu')]),
    // The layer's kernel is the table of embeddings, with a row for each place. Without a bias, its output is the pooled embedding, and zero for a
    // text without words.
    ...(embedding === undefined ? [] : [layer('embedding', embedding, 'relu', false)]),
    task.kind === 'classification' ? layer('classes', outputs, 'softmax') : layer('outputs', outputs, 'linear'),
  ]
  layers[0]!.config.batch_input_shape = [null, ...input.shape]
  return sequentialSpec({ class_name: 'Sequential', config: { name: 'small-mlp', layers } }, input.shape)
}
