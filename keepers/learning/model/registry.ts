// SPDX-License-Identifier: GPL-3.0-or-later
// The models that go by name.
import { LearningError } from '../errors.ts'
import type { ModelSpec, ModelTopology } from '../types.ts'
import { sequentialSpec } from './spec.ts'

export const MODEL_NAMES = ['article-cnn', 'small-cnn', 'mlp', 'logistic'] as const
export type ModelName = (typeof MODEL_NAMES)[number]

export function isModelName(name: string): name is ModelName {
  return (MODEL_NAMES as readonly string[]).includes(name)
}

/**
 * The architecture of that name, for images or vectors of `inputShape` (default 28×28×1) and `classes` (default 10) outputs. The two CNNs pool
 * BEFORE the activation: this leaves a quarter of the ReLUs, so they are cheaper to prove.
 *
 * - article-cnn: 44,426 parameters (LeNet's shape).
 * - small-cnn: 2,202 parameters. Sized so that a circuit with PRIVATE weights stays small: 4·900 + 32·196 products for the
 *   convolutions, 1,280 for the dense layer, 704 ReLUs.
 * - mlp: 784–200–200–10, the "2NN" of McMahan et al. (2017); logistic: one dense layer.
 */
export function modelSpec(
  name: ModelName,
  options: { inputShape?: readonly number[]; classes?: number } = {},
): ModelSpec {
  const { inputShape = [28, 28, 1], classes = 10 } = options
  if (!isModelName(name)) {
    throw new LearningError('BAD_MODEL', `unknown model ${JSON.stringify(name)}; known: ${MODEL_NAMES.join(', ')}`)
  }
  if (!Number.isInteger(classes) || classes < 2) {
    throw new LearningError('BAD_MODEL', `classes is ${classes}; expected an integer of at least 2`)
  }
  const bodies: Record<ModelName, () => LayerJson[]> = {
    'article-cnn': () => [
      conv('conv1', 6, 5),
      averagePool('pool1', 2),
      relu('relu1'),
      conv('conv2', 16, 5),
      averagePool('pool2', 2),
      relu('relu2'),
      flatten('flatten'),
      dense('dense1', 120, 'relu'),
      dense('dense2', 84, 'relu'),
      dense('dense3', classes, 'softmax'),
    ],
    'small-cnn': () => [
      conv('conv1', 4, 5),
      averagePool('pool1', 2),
      relu('relu1'),
      conv('conv2', 8, 5),
      averagePool('pool2', 2),
      relu('relu2'),
      flatten('flatten'),
      dense('dense', classes, 'softmax'),
    ],
    mlp: () => [
      ...(inputShape.length > 1 ? [flatten('flatten')] : []),
      dense('dense1', 200, 'relu'),
      dense('dense2', 200, 'relu'),
      dense('dense3', classes, 'softmax'),
    ],
    logistic: () => [...(inputShape.length > 1 ? [flatten('flatten')] : []), dense('dense', classes, 'softmax')],
  }
  const layers = bodies[name]()
  layers[0]!.config.batch_input_shape = [null, ...inputShape]
  const topology: ModelTopology = {
    class_name: 'Sequential',
    config: { name, layers },
    keras_version: 'tfjs-layers 4.22.0',
    backend: 'tensor_flow.js',
  }
  return sequentialSpec(topology, inputShape)
}

type LayerJson = { class_name: string; config: Record<string, unknown> }

function conv(name: string, filters: number, size: number): LayerJson {
  return {
    class_name: 'Conv2D',
    config: {
      name,
      trainable: true,
      filters,
      kernel_size: [size, size],
      strides: [1, 1],
      padding: 'valid',
      data_format: 'channels_last',
      dilation_rate: [1, 1],
      activation: 'linear',
      use_bias: true,
    },
  }
}

function averagePool(name: string, size: number): LayerJson {
  return {
    class_name: 'AveragePooling2D',
    config: {
      name,
      trainable: true,
      pool_size: [size, size],
      strides: [size, size],
      padding: 'valid',
      data_format: 'channels_last',
    },
  }
}

function relu(name: string): LayerJson {
  return { class_name: 'ReLU', config: { name, trainable: true, max_value: null } }
}

function flatten(name: string): LayerJson {
  return { class_name: 'Flatten', config: { name, trainable: true } }
}

function dense(name: string, units: number, activation: 'relu' | 'softmax'): LayerJson {
  return { class_name: 'Dense', config: { name, trainable: true, units, activation, use_bias: true } }
}
