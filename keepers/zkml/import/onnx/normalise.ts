// SPDX-License-Identifier: GPL-3.0-or-later
// Normalisation by statistics of the sample itself, and a Softmax that the network computes with.
import { elementCount } from '../../graph/program.ts'
import { scalar, tensor } from '../../graph/tensor.ts'
import type { SoftmaxKind, Tensor, ValueName } from '../../graph/types.ts'
import { softmax, standardised } from '../compose.ts'
import { type Handler, type Invocation, type Result, values } from './scope.ts'

export const NORMALISATION_HANDLERS: Readonly<Record<string, Handler>> = {
  Softmax: (call) => softmaxOf(call, 'softmax'),
  LogSoftmax: (call) => softmaxOf(call, 'log-softmax'),
  LayerNormalization: (call) => {
    const axes = trailing(call, call.int('axis', -1))
    const found = standardised(call.builder, call.name, call.value(0), axes, call.float('epsilon', 1e-5))
    return values(scaled(call, found.value), found.mean!, found.inverse).slice(0, call.node.output.length)
  },
  RMSNormalization: (call) => {
    const axes = trailing(call, call.int('axis', -1))
    const found = standardised(call.builder, call.name, call.value(0), axes, call.float('epsilon', 1e-5), false)
    return values(scaled(call, found.value))
  },
  InstanceNormalization: (call) => {
    const shape = call.shape(0)
    const axes = shape.map((_, axis) => axis).slice(2)
    if (axes.length === 0) call.fail('malformed-file', `[${shape}] has no axes after the channels to normalise over`)
    const found = standardised(call.builder, call.name, call.value(0), axes, call.float('epsilon', 1e-5))
    const [gain, shift] = [1, 2].map((i) => channelwise(call, i, shape[1]!, shape.length))
    return values(call.builder.affine(call.name, found.value, gain!, shift!))
  },
  GroupNormalization: (call) => {
    const shape = call.shape(0)
    const groups = call.int('num_groups', 0)
    const channels = shape[1] ?? 0
    if (groups < 1 || channels % groups !== 0)
      call.fail('malformed-file', `num_groups = ${groups} does not divide its ${channels} channels`)
    const { builder, name } = call
    const each = elementCount(shape) / (shape[0]! * groups)
    const grouped = builder.reshape(`${name}.groups`, call.value(0), [shape[0]!, groups, each])
    const found = standardised(builder, name, grouped, [2], call.float('epsilon', 1e-5))
    const back = builder.reshape(`${name}.back`, found.value, shape)
    // Opset 18 has one scale a group, opset 21 one a channel.
    const [gain, shift] = [1, 2].map((i) =>
      channelwise(call, i, call.schema.since >= 21 ? channels : groups, shape.length, channels),
    )
    return values(builder.affine(name, back, gain!, shift!))
  },
}

/** Before opset 13 all axes from the given one on are one. */
function softmaxOf(call: Invocation, kind: SoftmaxKind): Result[] {
  const rank = call.shape(0).length
  const since13 = call.schema.since >= 13
  const given = call.int('axis', since13 ? -1 : 1)
  const axes = since13 ? [call.axis(given, rank)] : given === rank ? [] : trailing(call, given)
  return values(softmax(call.builder, call.name, kind, call.value(0), axes))
}

/** All axes from the given one on. */
function trailing(call: Invocation, given: number): number[] {
  const rank = call.shape(0).length
  const axis = call.axis(given, rank)
  return Array.from({ length: rank - axis }, (_, i) => axis + i)
}

/** A learned scale and shift, of constants that broadcast. */
function scaled(call: Invocation, x: ValueName): ValueName {
  const shift = call.has(2) ? call.constant(2, 'B') : scalar(0)
  return call.builder.affine(call.name, x, call.constant(1, 'scale'), shift)
}

/** One number for each channel, axis 1 of `rank`; a shorter list counts for groups of neighbours. */
function channelwise(call: Invocation, index: number, length: number, rank: number, channels = length): Tensor {
  const { shape, data } = call.constant(index, index === 1 ? 'scale' : 'bias')
  if (shape.length !== 1 || shape[0] !== length)
    call.fail(
      'malformed-file',
      `its ${index === 1 ? 'scale' : 'bias'} has shape [${shape}] where [${length}] is needed`,
    )
  const each = Float64Array.from({ length: channels }, (_, c) => data[Math.floor((c * length) / channels)]!)
  return tensor([channels, ...new Array<number>(Math.max(0, rank - 2)).fill(1)], each)
}
