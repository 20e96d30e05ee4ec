// SPDX-License-Identifier: GPL-3.0-or-later
// Which network a service has: the owner's own, a named one, or a small one that fits the sample.
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import {
  isModelName,
  LearningError,
  MODEL_NAMES,
  type ModelSpec,
  modelSpec,
  parseModelSpec,
  sequentialSpec,
} from '../learning/index.ts'
import type { Sample } from './sample.ts'

/** Below this many rows or columns the convolutions of small-cnn leave nothing. */
const LEAST_SIDE = 14
const MOST_HIDDEN = 32
const LEAST_HIDDEN = 8

/**
 * The architecture that `wanted` means for a sample: a name, a tfjs LayersModel (a model.json or its folder; weights are not
 * read), or by default a small network.
 * @throws LearningError BAD_MODEL, MODEL_DATA_MISMATCH naming the model's input and the sample's shape
 */
export async function chooseArchitecture(wanted: string | undefined, sample: Sample): Promise<ModelSpec> {
  const form = { inputShape: sample.input.shape, classes: sample.classes.length }
  if (wanted === undefined) return usual(sample)
  if (isModelName(wanted)) return modelSpec(wanted, form)
  const spec = await readArchitecture(wanted)
  if (`${spec.inputShape}` !== `${form.inputShape}` || spec.classes !== form.classes) {
    throw new LearningError(
      'MODEL_DATA_MISMATCH',
      `${wanted}: takes [${spec.inputShape}] and tells ${spec.classes} classes apart; ` +
        `the sample has [${form.inputShape}] and ${form.classes} (${sample.classes.slice(0, 5).join(', ')})`,
    )
  }
  return spec
}

async function readArchitecture(path: string): Promise<ModelSpec> {
  const fail = (cause: unknown): never => {
    throw new LearningError(
      'BAD_MODEL',
      `${path} is neither one of ${MODEL_NAMES.join(', ')} nor a LayersModel's model.json: ${(cause as Error).message.split('\n')[0]}`,
      { cause },
    )
  }
  let json: unknown
  try {
    const file = (await stat(path)).isDirectory() ? join(path, 'model.json') : path
    json = JSON.parse(await readFile(file, 'utf8'))
  } catch (cause) {
    return fail(cause)
  }
  return await parseModelSpec(json)
}

function usual({ input, classes, train }: Sample): ModelSpec {
  if (input.kind === 'picture' && Math.min(input.shape[0], input.shape[1]) >= LEAST_SIDE) {
    return modelSpec('small-cnn', { inputShape: input.shape, classes: classes.length })
  }
  const values = input.shape.reduce((product, side) => product * side, 1)
  // Some ten samples for each hidden unit's worth of decisions, within what stays cheap to prove.
  const hidden = Math.max(LEAST_HIDDEN, Math.min(MOST_HIDDEN, values, Math.round(train.count / 25)))
  const layer = (name: string, units: number, activation: string) => ({
    class_name: 'Dense',
    config: { name, trainable: true, units, activation, use_bias: true },
  })
  const layers: { class_name: string; config: Record<string, unknown> }[] = [
    ...(input.shape.length > 1 ? [{ class_name: 'Flatten', config: { name: 'flatten', trainable: true } }] : []),
    layer('hidden', hidden, 'relu'),
    layer('classes', classes.length, 'softmax'),
  ]
  layers[0]!.config.batch_input_shape = [null, ...input.shape]
  return sequentialSpec({ class_name: 'Sequential', config: { name: 'small-mlp', layers } }, input.shape)
}
