// SPDX-License-Identifier: GPL-3.0-or-later
// The results of classifiers: a label and scores. A label is an index into the classes: the index of the largest of some scores, the lowest
// on ties. Notes list the names of the classes.
import { tensor } from '../../../graph/tensor.ts'
import type { Tensor, ValueName } from '../../../graph/types.ts'
import type { Handler, Invocation } from '../invocation.ts'
import type { Result } from '../operand.ts'
import { STRING, TYPE } from '../types.ts'
import type { PostTransform } from './attributes.ts'

/** The label that is the index of the largest of `scores` [classes]. */
export function labelOf(call: Invocation, scores: ValueName, classes: readonly (string | number)[]): Result {
  const { builder, name } = call
  const index = builder.unary(`${name}.label`, scores, { op: 'argmax' })
  return {
    value: builder.reshape(`${name}.label`, index, [1]),
    type: typeof classes[0] === 'string' ? STRING : TYPE.int64,
    label: { scores, classes },
  }
}

/** A linear map from features to scores, one column a score. */
export type Scoring = { readonly weights: Tensor; readonly bias: Tensor }

/** Scores (the largest gives the label), and the operator's own result in terms of them. */
export type Judged = { readonly scores: ValueName; readonly result: Result }

/** The scores of at least two classes after `post`, of which the last step is left out: it changes no order. */
export function transformed(call: Invocation, input: ValueName, scoring: Scoring, post: PostTransform): Judged {
  const count = scoring.bias.data.length
  if (post === 'LOGISTIC' && count === 2 && areOpposite(scoring)) {
    // Of −p and p the logistic is the Softmax of −p/2 and p/2.
    const scores = score(call, input, scaled(scoring, 0.5))
    return { scores, result: { ...row(call, scores, 2), dropped: 'softmax' } }
  }
  const scores = score(call, input, scoring)
  const result = row(call, scores, count)
  if (post === 'NONE') return { scores, result }
  return { scores, result: { ...result, dropped: post === 'SOFTMAX' ? 'softmax' : 'logistic' } }
}

export function score(call: Invocation, input: ValueName, { weights, bias }: Scoring): ValueName {
  return call.builder.dense(`${call.name}.scores`, input, weights, bias)
}

/** [n] as the [1, n] that ONNX has. */
export function row(call: Invocation, scores: ValueName, count: number): { value: ValueName; type: number } {
  return { value: call.builder.reshape(call.name, scores, [1, count]), type: TYPE.float }
}

/** Columns factors[k] · p + offsets[k] of a single score p. */
export function columns(p: Scoring, factors: readonly number[], offsets: readonly number[]): Scoring {
  const [rows] = p.weights.shape as [number]
  return {
    weights: tensor(
      [rows, factors.length],
      Array.from(p.weights.data).flatMap((weight) => factors.map((factor) => weight * factor)),
    ),
    bias: tensor(
      [factors.length],
      factors.map((factor, k) => p.bias.data[0]! * factor + offsets[k]!),
    ),
  }
}

function scaled({ weights, bias }: Scoring, factor: number): Scoring {
  const by = ({ shape, data }: Tensor): Tensor =>
    tensor(
      shape,
      data.map((value) => value * factor),
    )
  return { weights: by(weights), bias: by(bias) }
}

function areOpposite({ weights, bias }: Scoring): boolean {
  for (let i = 0; i < weights.data.length; i += 2) if (weights.data[i] !== -weights.data[i + 1]!) return false
  return bias.data[0] === -bias.data[1]!
}

export const CLASS_HANDLERS: Readonly<Record<string, Handler>> = {
  ZipMap: (call) => {
    const [strings, integers] = [call.strings('classlabels_strings') ?? [], call.ints('classlabels_int64s') ?? []]
    const { shape } = { shape: call.shape(0) }
    const count = strings.length + integers.length
    if (count !== shape.at(-1))
      call.fail('malformed-file', `${count} class labels for scores [${shape}]; one for each score is needed`)
    const operand = call.operand(0)
    return ['value' in operand ? { value: operand.value, type: 0 } : { constant: operand.constant, type: 0 }]
  },
  /** Divides scores by their sum, largest or length: no order changes, and a Softmax sums up to 1 already. */
  Normalizer: (call) => {
    const norm = call.string('norm', 'MAX')
    if (!['MAX', 'L1', 'L2'].includes(norm)) call.fail('malformed-file', `norm ${norm}; MAX, L1 or L2 is needed`)
    const operand = call.operand(0)
    const dropped = call.droppedOf(0)
    if (!('value' in operand) || dropped === null || dropped === 'log-softmax')
      return call.fail(
        'unsupported-operator',
        'it divides by a computed value; only after the probabilities of a classifier, where it does not change the order, can it be dropped',
      )
    const kept = dropped === 'softmax' && norm === 'L1'
    return [{ value: operand.value, type: TYPE.float, dropped: kept ? 'softmax' : 'normalised' }]
  },
  LabelEncoder: (call) => {
    const operand = call.operand(0)
    if (!('value' in operand) || operand.label === undefined)
      return call.fail(
        'unsupported-operator',
        'it translates a value that is not the label of a classifier; encode inputs before the model',
      )
    const lists = (part: string): readonly (string | number)[] =>
      call.strings(`${part}_strings`) ?? call.ints(`${part}_int64s`) ?? call.floats(`${part}_floats`) ?? []
    const [keys, translated] = [lists('keys'), lists('values')]
    if (keys.length === 0 || keys.length !== translated.length)
      call.fail('malformed-file', `${keys.length} keys for ${translated.length} values`)
    const classes = operand.label.classes.map((label) => {
      const at = keys.indexOf(label)
      return at < 0 ? call.fail('unsupported-attribute', `class ${label} is not among its keys`) : translated[at]!
    })
    const type = typeof classes[0] === 'string' ? STRING : call.floats('values_floats') ? TYPE.float : TYPE.int64
    return [{ value: operand.value, type, label: { ...operand.label, classes } }]
  },
  /** Columns of scores, or the name of a class by its index. */
  ArrayFeatureExtractor: (call) => {
    const [x, index] = [call.operand(0), call.operand(1)]
    if ('constant' in x && 'value' in index && index.label !== undefined) {
      const { data, strings, type } = x.constant
      const names = strings ?? Array.from(data)
      const classes = index.label.classes.map((at) => names[at as number]!)
      if (classes.some((label) => label === undefined))
        call.fail('malformed-file', `${names.length} names for ${index.label.classes.length} classes`)
      return [{ value: index.value, type, label: { ...index.label, classes } }]
    }
    if ('constant' in x || !('constant' in index))
      return call.fail('unsupported-attribute', 'its indices must be constants, or a label into constant classes')
    const shape = call.shape(0)
    const length = shape.at(-1) ?? 1
    const rows = call.builder.shape(x.value).reduce((a, b) => a * b, 1) / length
    const list = Array.from(index.constant.data)
    if (list.some((at) => !Number.isInteger(at) || at < 0 || at >= length))
      call.fail('malformed-file', `indices [${list}] lie outside its last axis of ${length}`)
    const map = Int32Array.from({ length: rows * list.length }, (_, i) => {
      const at = list[i % list.length]!
      return Math.floor(i / list.length) * length + at
    })
    return [call.move(x, map, [rows, list.length])]
  },
}
