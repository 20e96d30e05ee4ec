// SPDX-License-Identifier: GPL-3.0-or-later
// The network that turns a face into an embedding, and its training. It learns to tell 1,500 people apart, and then the layer that names them is
// removed. The same seed gives the same bits.
import type { Dataset, Model, ModelSpec, TrainingProgress } from '../../learning/index.ts'
import { createDataset, initialWeights, LocalTrainer, sequentialSpec, trainInStages } from '../../learning/index.ts'
import { BRIGHTEST, drawFace, FACE_PIXELS, FACE_SIDE } from './faces.ts'

/** Elements of an embedding. */
export const EMBEDDING = 24

/** Number of people in training, and of pictures of each. Tests use people from number PEOPLE.train on. */
export const PEOPLE = { train: 1500, shots: 30 } as const
const STAGES = { learningRates: [0.003, 0.001, 0.0003], epochsAStage: 6 }

const common = { trainable: true, use_bias: true }
const convolution = (name: string, filters: number, first: object) => ({
  class_name: 'Conv2D',
  config: {
    ...common,
    ...{ name, filters, kernel_size: [3, 3], strides: [2, 2], padding: 'same' },
    ...{ data_format: 'channels_last', dilation_rate: [1, 1], activation: 'relu' },
    ...first,
  },
})

function spec(name: string, head: readonly object[]): ModelSpec {
  const inputShape = [FACE_SIDE, FACE_SIDE, 1]
  const layers = [
    convolution('edges', 8, { batch_input_shape: [null, ...inputShape] }),
    convolution('parts', 16, {}),
    { class_name: 'Flatten', config: { name: 'flat', trainable: true } },
    { class_name: 'Dense', config: { ...common, name: 'embedding', units: EMBEDDING, activation: 'linear' } },
    ...head,
  ]
  const topology = {
    class_name: 'Sequential',
    config: { name, layers },
    keras_version: 'tfjs-layers 4.22.0',
    backend: 'tensor_flow.js',
  }
  return sequentialSpec(topology, inputShape)
}

/** From 16 x 16 shades to 24 numbers: two convolutions of stride 2 and a dense layer, 7,416 parameters. */
export function faceSpec(): ModelSpec {
  return spec('faces', [])
}

/** The same network with the layer that names the people of training. */
function namingSpec(): ModelSpec {
  const config = { ...common, name: 'names', units: PEOPLE.train, activation: 'softmax', use_bias: false }
  return spec('faces-with-names', [{ class_name: 'Dense', config }])
}

/** `shots` pictures of each person of training. */
function trainingFaces(seed: number): Dataset {
  const { train, shots } = PEOPLE
  const inputs = new Float32Array(train * shots * FACE_PIXELS)
  const labels = new Uint16Array(train * shots)
  for (let i = 0; i < labels.length; i++) {
    labels[i] = i % train
    const pixels = drawFace(seed, labels[i]!, Math.floor(i / train))
    for (const [k, pixel] of pixels.entries()) inputs[i * FACE_PIXELS + k] = pixel / BRIGHTEST
  }
  const inputShape = [FACE_SIDE, FACE_SIDE, 1]
  return createDataset({ name: 'drawn faces', origin: 'procedural', inputShape, classes: train, inputs, labels })
}

/** Trains the network from nothing; a minute or so. */
export async function trainFaceModel(
  options: {
    readonly seed?: number
    readonly signal?: AbortSignal
    onProgress?(progress: TrainingProgress): void
  } = {},
): Promise<Model> {
  const { seed = 1, signal, onProgress } = options
  const trainer = await LocalTrainer.create({ spec: namingSpec(), backend: 'fused' })
  try {
    trainer.loadData(trainingFaces(seed))
    trainer.setWeights(initialWeights(namingSpec(), seed))
    await trainInStages(trainer, STAGES, { seed, signal, onProgress })
    // Layers follow one another in the vector, so cutting off the last one leaves the embedding's weights.
    const embedding = faceSpec()
    return { spec: embedding, weights: trainer.getWeights().slice(0, embedding.parameterCount) }
  } finally {
    trainer.teardown()
  }
}
