// SPDX-License-Identifier: GPL-3.0-or-later
// Reads a tfjs-layers Sequential configuration into the layers this project computes itself. What it does not know is not an
// error: such models run on tfjs.
import { z } from 'zod'

export type Activation = 'linear' | 'relu' | 'sigmoid' | 'tanh' | 'softmax'

/** Shapes are per sample. Images: rows, columns, channels (tfjs order); vectors: length. */
export type ImageShape = { readonly height: number; readonly width: number; readonly channels: number }

export type Layer =
  | {
      readonly kind: 'conv'
      readonly name: string
      readonly input: ImageShape
      readonly output: ImageShape
      readonly kernel: readonly [number, number]
      readonly strides: readonly [number, number]
      /** Rows above and below, columns left and right. */
      readonly padding: readonly [top: number, bottom: number, left: number, right: number]
      readonly activation: Activation
      readonly bias: boolean
    }
  | {
      readonly kind: 'average-pool' | 'max-pool'
      readonly input: ImageShape
      readonly output: ImageShape
      readonly pool: readonly [number, number]
      readonly strides: readonly [number, number]
    }
  | { readonly kind: 'flatten'; readonly input: ImageShape; readonly length: number }
  | {
      readonly kind: 'dense'
      readonly name: string
      readonly inputs: number
      readonly units: number
      readonly activation: Activation
      readonly bias: boolean
    }
  | { readonly kind: 'activation'; readonly activation: Activation; readonly length: number }
  | { readonly kind: 'dropout'; readonly rate: number; readonly length: number }

const size = z.number().int().positive()
const pair = z.union([size.transform((n): [number, number] => [n, n]), z.tuple([size, size])])
const absent = z.null().optional()
const activation = z.enum(['linear', 'relu', 'sigmoid', 'tanh', 'softmax']).default('linear')
// Anything that changes the training and that we do not compute must be absent, or the model goes to tfjs.
const plain = {
  name: z.string().min(1),
  trainable: z.literal(true).optional(),
  kernel_regularizer: absent,
  bias_regularizer: absent,
  activity_regularizer: absent,
  kernel_constraint: absent,
  bias_constraint: absent,
  data_format: z.literal('channels_last').nullish(),
}
const window = { padding: z.enum(['valid', 'same']).default('valid'), strides: pair.nullish() }
const layerSchema = z.discriminatedUnion('class_name', [
  z.object({ class_name: z.literal('InputLayer'), config: z.object({}) }),
  z.object({
    class_name: z.literal('Conv2D'),
    config: z.object({
      ...plain,
      ...window,
      filters: size,
      kernel_size: pair,
      dilation_rate: pair.nullish().refine((d) => d == null || (d[0] === 1 && d[1] === 1)),
      groups: z.literal(1).optional(),
      activation,
      use_bias: z.boolean().default(true),
    }),
  }),
  z.object({ class_name: z.literal('AveragePooling2D'), config: z.object({ ...plain, ...window, pool_size: pair }) }),
  z.object({ class_name: z.literal('MaxPooling2D'), config: z.object({ ...plain, ...window, pool_size: pair }) }),
  z.object({ class_name: z.literal('Flatten'), config: z.object(plain) }),
  z.object({
    class_name: z.literal('Dense'),
    config: z.object({ ...plain, units: size, activation, use_bias: z.boolean().default(true) }),
  }),
  z.object({ class_name: z.literal('Activation'), config: z.object({ ...plain, activation }) }),
  z.object({ class_name: z.literal('ReLU'), config: z.object({ ...plain, max_value: absent }) }),
  z.object({ class_name: z.literal('Softmax'), config: z.object({ ...plain, axis: z.literal(-1).nullish() }) }),
  z.object({
    class_name: z.literal('Dropout'),
    config: z.object({ ...plain, rate: z.number().min(0).lt(1), noise_shape: absent }),
  }),
])
const sequentialSchema = z.object({
  class_name: z.literal('Sequential'),
  config: z.object({ layers: z.array(layerSchema).min(1) }),
})

/**
 * The layers of a Sequential topology, or a sentence saying why it has to run on tfjs instead.
 * `inputShape` is the shape of one sample, `[features]` or `[height, width, channels]`.
 */
export function readLayers(topology: unknown, inputShape: readonly number[]): readonly Layer[] | string {
  const parsed = sequentialSchema.safeParse(topology)
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!
    return `${issue.path.join('.')}: ${issue.message}`
  }
  const layers: Layer[] = []
  let shape: ImageShape | number
  if (inputShape.length === 1) shape = inputShape[0]!
  else if (inputShape.length === 3) shape = image(inputShape[0]!, inputShape[1]!, inputShape[2]!)
  else return `input shape [${inputShape}] is neither a vector nor an image`
  for (const { class_name: kind, config } of parsed.data.config.layers) {
    switch (kind) {
      case 'InputLayer':
        break
      case 'Conv2D': {
        if (typeof shape === 'number') return `${config.name}: a convolution on a vector`
        const strides = config.strides ?? ([1, 1] as const)
        const [outHeight, top, bottom] = slide(shape.height, config.kernel_size[0], strides[0], config.padding)
        const [outWidth, left, right] = slide(shape.width, config.kernel_size[1], strides[1], config.padding)
        if (outHeight < 1 || outWidth < 1) return `${config.name}: the kernel is larger than its input`
        const output = image(outHeight, outWidth, config.filters)
        layers.push({
          kind: 'conv',
          name: config.name,
          input: shape,
          output,
          kernel: config.kernel_size,
          strides,
          padding: [top, bottom, left, right],
          activation: config.activation,
          bias: config.use_bias,
        })
        shape = output
        break
      }
      case 'AveragePooling2D':
      case 'MaxPooling2D': {
        if (typeof shape === 'number') return `${config.name}: pooling on a vector`
        const pool = config.pool_size
        const strides = config.strides ?? pool
        const [outHeight, top, bottom] = slide(shape.height, pool[0], strides[0], config.padding)
        const [outWidth, left, right] = slide(shape.width, pool[1], strides[1], config.padding)
        if (top + bottom + left + right > 0) return `${config.name}: pooling over padding`
        if (outHeight < 1 || outWidth < 1) return `${config.name}: the window is larger than its input`
        const output = image(outHeight, outWidth, shape.channels)
        layers.push({
          kind: kind === 'MaxPooling2D' ? 'max-pool' : 'average-pool',
          input: shape,
          output,
          pool,
          strides,
        })
        shape = output
        break
      }
      case 'Flatten':
        if (typeof shape !== 'number') {
          const length: number = shape.height * shape.width * shape.channels
          layers.push({ kind: 'flatten', input: shape, length })
          shape = length
        }
        break
      case 'Dense':
        if (typeof shape !== 'number') return `${config.name}: a dense layer on an image that is not flattened`
        layers.push({
          kind: 'dense',
          name: config.name,
          inputs: shape,
          units: config.units,
          activation: config.activation,
          bias: config.use_bias,
        })
        shape = config.units
        break
      case 'Activation':
      case 'ReLU':
      case 'Softmax': {
        const which = kind === 'ReLU' ? 'relu' : kind === 'Softmax' ? 'softmax' : config.activation
        if (which !== 'linear') layers.push({ kind: 'activation', activation: which, length: elements(shape) })
        break
      }
      case 'Dropout':
        if (config.rate > 0) layers.push({ kind: 'dropout', rate: config.rate, length: elements(shape) })
        break
    }
  }
  if (typeof shape !== 'number') return 'the output is an image, not a vector of classes'
  const inner = layers.slice(0, -1).find((layer) => 'activation' in layer && layer.activation === 'softmax')
  if (inner !== undefined) return 'a softmax before the last layer'
  return layers
}

export function elements(shape: ImageShape | number): number {
  return typeof shape === 'number' ? shape : shape.height * shape.width * shape.channels
}

function image(height: number, width: number, channels: number): ImageShape {
  return { height, width, channels }
}

/** Output size and the padding before and after; 'same' puts the odd one after, as TensorFlow does. */
function slide(input: number, window: number, stride: number, padding: 'valid' | 'same'): [number, number, number] {
  if (padding === 'valid') return [Math.floor((input - window) / stride) + 1, 0, 0]
  const output = Math.ceil(input / stride)
  const total = Math.max((output - 1) * stride + window - input, 0)
  const before = total >> 1
  return [output, before, total - before]
}
