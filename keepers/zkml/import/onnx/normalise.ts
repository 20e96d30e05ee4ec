// SPDX-License-Identifier: GPL-3.0-or-later
// Normalisation by statistics of the sample itself, and a Softmax that the network computes with.
import { reduceTargets } from '../../graph/evaluate.ts'
import { elementCount } from '../../graph/program.ts'
import { scalar, tensor } from '../../graph/tensor.ts'
import type { SoftmaxKind, Tensor, ValueName } from '../../graph/types.ts'
import { logSumExp, softmax, standardised } from '../compose.ts'
import { absolute } from './elementwise.ts'
import type { Handler, Invocation } from './invocation.ts'
import { type Result, values } from './operand.ts'
import { axesOf } from './reductions.ts'

export const NORMALISATION_HANDLERS: Readonly<Record<string, Handler>> = {
  ReduceSumSquare: (call) => values(reduced(call, squares(call, call.value(0)))),
  ReduceL2: (call) =>
    values(call.builder.activation(call.name, reduced(call, squares(call, call.value(0))), { kind: 'sqrt' })),
  ReduceLogSum: (call) => values(call.builder.activation(call.name, reduced(call, call.value(0)), { kind: 'log' })),
  ReduceL1: (call) => values(reduced(call, absolute(call, call.value(0)))),
  ReduceLogSumExp: (call) => {
    const shape = call.shape(0)
    const axes = reducedAxes(call, shape.length)
    const found = logSumExp(call.builder, call.name, call.value(0), axes)
    if (call.flag('keepdims', true)) return values(found)
    const kept = shape.filter((_, axis) => !axes.includes(axis))
    return values(call.builder.reshape(`${call.name}.flat`, found, kept))
  },
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

function squares(call: Invocation, x: ValueName): ValueName {
  return call.builder.activation(`${call.name}.square`, x, { kind: 'polynomial', coefficients: [0, 0, 1] })
}

/** The sum over the axes that the node names. */
function reduced(call: Invocation, x: ValueName): ValueName {
  const axes = reducedAxes(call, call.builder.shape(x).length)
  const keepDims = call.flag('keepdims', true)
  return call.builder.unary(`${call.name}.sum`, x, { op: 'reduce', kind: 'sum', axes, keepDims })
}

function reducedAxes(call: Invocation, rank: number): number[] {
  return axesOf(call, rank) ?? call.fail('unsupported-attribute', 'noop_with_empty_axes = 1 without axes')
}

/** Before opset 13 all axes from the given one on are one. */
function softmaxOf(call: Invocation, kind: SoftmaxKind): Result[] {
  const rank = call.shape(0).length
  const since13 = call.schema.since >= 13
  const given = call.int('axis', since13 ? -1 : 1)
  const axes = since13 ? [call.axis(given, rank)] : given === rank ? [] : trailing(call, given)
  const operand = call.operand(0)
  const mask = 'value' in operand ? operand.masked : undefined
  if (mask === undefined) return values(softmax(call.builder, call.name, kind, call.value(0), axes))
  const shape = call.shape(0)
  if (!everyRowOpen(shape, axes, mask.data)) call.fail('not-finite', 'all that it chooses from is masked: 0 / 0')
  return values(softmax(call.builder, call.name, kind, call.value(0), axes, mask.data))
}

/** Whether something is left in every list that a Softmax runs over. */
function everyRowOpen(shape: readonly number[], axes: readonly number[], mask: Float64Array): boolean {
  const open = new Set<number>()
  const targets = reduceTargets(shape, axes)
  for (const [i, target] of targets.entries()) if (mask[i] === 0) open.add(target)
  return open.size === new Set(targets).size
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
