// SPDX-License-Identifier: GPL-3.0-or-later
// Linear models of ai.onnx.ml, including support vector machines with a linear kernel, and the operators that prepare their inputs. Where
// the standard is silent (which label wins, the scores of two classes), onnxruntime decides.
import { filled, tensor } from '../../../graph/tensor.ts'
import type { ValueName } from '../../../graph/types.ts'
import type { Handler, Invocation } from '../invocation.ts'
import { type Result, values } from '../operand.ts'
import { TYPE } from '../types.ts'
import { classLabels, featuresOf, listed, needed, numbers, postTransform } from './attributes.ts'
import { columns, labelOf, row, type Scoring, score, transformed } from './classes.ts'

export const LINEAR_HANDLERS: Readonly<Record<string, Handler>> = {
  LinearClassifier: classifier,
  LinearRegressor: (call) => {
    const targets = call.int('targets', 1)
    requirePlain(call)
    return values(call.builder.dense(call.name, call.value(0), ...linear(call, targets)))
  },
  SVMClassifier: supportVectorClassifier,
  SVMRegressor: supportVectorRegressor,
  Scaler: (call) => {
    const features = call.shape(0).at(-1) ?? 1
    const count = needed(call, 'offset').length
    if (count !== 1 && count !== features)
      call.fail('malformed-file', `offset holds ${count} numbers for ${features} features`)
    const part = (name: string): number[] => {
      const list = listed(call, name, count)
      return Array.from({ length: features }, (_, i) => list[list.length === 1 ? 0 : i]!)
    }
    const [offset, scale] = [part('offset'), part('scale')]
    const shift = offset.map((value, i) => -value * scale[i]! + 0)
    return values(call.builder.affine(call.name, call.value(0), tensor([features], scale), tensor([features], shift)))
  },
  Binarizer: (call) => {
    const shape = call.shape(0)
    const thresholds = filled(shape, call.float('threshold', 0))
    const positions = Int32Array.from(thresholds.data, (_, i) => i)
    const strict = new Uint8Array(positions.length).fill(1)
    return values(
      call.builder.unary(call.name, call.value(0), {
        op: 'compare',
        relation: 'at-least',
        positions,
        thresholds,
        strict,
        fixed: false,
      }),
    )
  },
  Imputer: (call) => {
    // Inputs cannot contain NaN, so this replacement has no effect.
    if (call.hasAttribute('replaced_value_int64') || !Number.isNaN(call.raw('replaced_value_float') ?? 0))
      call.fail('unsupported-attribute', 'it replaces a number other than NaN')
    return [{ value: call.value(0) }]
  },
  FeatureVectorizer: (call) => {
    const parts = call.node.input.map((_, i) => call.value(i))
    const lengths = call.ints('inputdimensions') ?? []
    for (const [i, part] of parts.entries())
      if (call.builder.shape(part).at(-1) !== lengths[i])
        call.fail('malformed-file', `input ${i} is [${call.builder.shape(part)}], inputdimensions [${lengths}]`)
    return values(call.builder.nary(call.name, parts, { op: 'concat', axis: -1 }))
  },
}

function requirePlain(call: Invocation): void {
  const post = call.string('post_transform', 'NONE')
  if (post !== 'NONE')
    call.fail('unsupported-attribute', `post_transform ${post}; of a regressor only NONE is supported`)
}

/** Rows of coefficients, one an output, as a matrix that inputs are multiplied with. */
function linear(call: Invocation, outputs: number): [Scoring['weights'], Scoring['bias']] {
  const features = call.shape(0).at(-1) ?? 1
  const coefficients = listed(call, 'coefficients', outputs * features)
  const intercepts = numbers(call, 'intercepts') ?? new Array<number>(outputs).fill(0)
  if (intercepts.length !== outputs)
    call.fail('malformed-file', `intercepts hold ${intercepts.length} numbers where ${outputs} are needed`)
  const weights = Float64Array.from(
    { length: outputs * features },
    (_, i) => coefficients[(i % outputs) * features + Math.floor(i / outputs)]!,
  )
  return [tensor([features, outputs], weights), tensor([outputs], intercepts)]
}

function classifier(call: Invocation): Result[] {
  const post = postTransform(call)
  const classes = classLabels(call, 'classlabels_ints')
  featuresOf(call)
  const rows = needed(call, 'intercepts').length
  const [weights, bias] = linear(call, rows)
  const scoring = { weights, bias }
  const x = call.builder.reshape(`${call.name}.row`, call.value(0), [weights.shape[0]!])
  if (rows === classes.length) {
    const { scores, result } = transformed(call, x, scoring, post)
    return [labelOf(call, scores, classes), result]
  }
  if (rows !== 1 || classes.length !== 2)
    return call.fail('malformed-file', `${rows} rows of coefficients for ${classes.length} classes`)
  if (post === 'LOGISTIC') {
    const { scores, result } = transformed(call, x, columns(scoring, [-1, 1], [0, 0]), post)
    return [labelOf(call, scores, classes), result]
  }
  // The label asks for p > 0, the scores are 1 − p and p: each has its own.
  const label = labelOf(call, score(call, x, columns(scoring, [-1, 1], [0, 0])), classes)
  if (!call.isRead(1)) return [label]
  return [label, row(call, score(call, x, columns(scoring, [-1, 1], [1, 0])), 2)]
}

function requireLinearKernel(call: Invocation): void {
  const kernel = call.string('kernel_type', 'LINEAR')
  if (kernel !== 'LINEAR')
    call.fail('unsupported-attribute', `kernel_type ${kernel}: only the linear kernel is supported`)
}

/** One machine for each pair of classes, and a vote each: libsvm's, as onnxruntime counts it. */
function supportVectorClassifier(call: Invocation): Result[] {
  requireLinearKernel(call)
  requirePlain(call)
  const classes = classLabels(call, 'classlabels_ints')
  const counts = call.ints('vectors_per_class') ?? []
  if (counts.length === 0)
    call.fail(
      'unsupported-attribute',
      'vectors_per_class is missing; the form without support vectors is not supported',
    )
  if (counts.length !== classes.length || counts.some((count) => !(count >= 1)))
    call.fail('malformed-file', `vectors_per_class [${counts}] for ${classes.length} classes`)
  const features = featuresOf(call)
  const total = counts.reduce((a, b) => a + b, 0)
  const vectors = listed(call, 'support_vectors', total * features)
  const coefficients = listed(call, 'coefficients', total * (classes.length - 1))
  const pairs = classes.flatMap((_, i) => classes.slice(i + 1).map((_, k) => [i, i + 1 + k] as const))
  const rho = listed(call, 'rho', pairs.length)
  const starts = counts.map((_, i) => counts.slice(0, i).reduce((a, b) => a + b, 0))
  const weights = new Float64Array(features * pairs.length)
  const add = (pair: number, cls: number, line: number): void => {
    for (let v = starts[cls]!; v < starts[cls]! + counts[cls]!; v++)
      for (let f = 0; f < features; f++)
        weights[f * pairs.length + pair]! += coefficients[line * total + v]! * vectors[v * features + f]!
  }
  for (const [pair, [i, j]] of pairs.entries()) {
    add(pair, i, j - 1)
    add(pair, j, i)
  }
  const x = call.builder.reshape(`${call.name}.row`, call.value(0), [features])
  const scoring = { weights: tensor([features, pairs.length], weights), bias: tensor([pairs.length], rho) }
  const decisions = score(call, x, scoring)
  const label = labelOf(call, votes(call, decisions, pairs, classes.length), classes)
  if (!call.isRead(1)) return [label]
  if ((call.floats('prob_a') ?? []).length > 0)
    call.fail('unsupported-attribute', 'its probabilities (prob_a) are not supported; take the label as the output')
  if (classes.length > 2) return [label, row(call, decisions, pairs.length)]
  return [label, row(call, score(call, x, columns(scoring, [-1, 1], [0, 0])), 2)]
}

/** votes[i] = #{j > i : s_ij > 0} + #{j < i : s_ji ≤ 0} */
function votes(
  call: Invocation,
  decisions: ValueName,
  pairs: readonly (readonly [number, number])[],
  classes: number,
): ValueName {
  const { builder, name } = call
  const won = builder.unary(`${name}.won`, decisions, {
    op: 'compare',
    relation: 'at-least',
    fixed: true,
    positions: Int32Array.from(pairs, (_, i) => i),
    thresholds: filled([pairs.length], 0),
    strict: new Uint8Array(pairs.length).fill(1),
  })
  const rows = Array.from({ length: classes }, (_, i) =>
    pairs.flatMap(([a, b], pair): (readonly [number, number])[] =>
      a === i ? [[pair, 1]] : b === i ? [[pair, -1]] : [],
    ),
  )
  // A pair that the second of its classes wins counts for it as 1 − 0.
  return builder.linear(
    `${name}.votes`,
    won,
    rows,
    rows.map((row) => row.filter(([, sign]) => sign < 0).length),
  )
}

function supportVectorRegressor(call: Invocation): Result[] {
  requireLinearKernel(call)
  requirePlain(call)
  if (call.flag('one_class', false)) call.fail('unsupported-attribute', 'one_class = 1')
  const features = featuresOf(call)
  const count = call.int('n_supports', 0)
  const [rho] = listed(call, 'rho', 1)
  const weights = new Float64Array(features)
  if (count === 0) weights.set(listed(call, 'coefficients', features))
  else {
    const coefficients = listed(call, 'coefficients', count)
    const vectors = listed(call, 'support_vectors', count * features)
    for (let i = 0; i < vectors.length; i++)
      weights[i % features]! += coefficients[Math.floor(i / features)]! * vectors[i]!
  }
  const x = call.builder.reshape(`${call.name}.row`, call.value(0), [features])
  const y = score(call, x, { weights: tensor([features, 1], weights), bias: tensor([1], [rho!]) })
  return [{ ...row(call, y, 1), type: TYPE.float }]
}
