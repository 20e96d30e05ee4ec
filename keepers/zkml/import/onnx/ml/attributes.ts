// SPDX-License-Identifier: GPL-3.0-or-later
// Attributes that the operators of ai.onnx.ml share: lists of equal length, class labels, the transform of the final scores.
import { elementCount } from '../../../graph/program.ts'
import type { Invocation } from '../invocation.ts'

/** Numbers of an attribute, or of the tensor that newer versions keep them in; null when it is in neither. */
export function numbers(call: Invocation, name: string): readonly number[] | null {
  const list = [call.floats(name), call.ints(name)].find((each) => each !== null && each.length > 0) ?? null
  const tensor = call.tensorAttribute(`${name}_as_tensor`)
  if (list !== null && tensor !== null) call.fail('malformed-file', `both ${name} and ${name}_as_tensor are given`)
  const found = list ?? (tensor === null ? null : [...tensor.data])
  if (found !== null) call.requireFinite(found, name)
  return found
}

export function needed(call: Invocation, name: string): readonly number[] {
  return numbers(call, name) ?? call.fail('malformed-file', `attribute ${name} is missing or empty`)
}

/** A list of that length. */
export function listed(call: Invocation, name: string, length: number): readonly number[] {
  const list = needed(call, name)
  if (list.length !== length)
    call.fail('malformed-file', `${name} holds ${list.length} numbers where ${length} are needed`)
  return list
}

/** Class labels, in the order of the scores. */
export function classLabels(call: Invocation, ints: string): readonly (string | number)[] {
  const [strings, integers] = [call.strings('classlabels_strings') ?? [], call.ints(ints) ?? []]
  if (strings.length > 0 && integers.length > 0)
    call.fail('malformed-file', `both classlabels_strings and ${ints} are given`)
  const labels = strings.length > 0 ? strings : integers
  if (labels.length < 2)
    call.fail('unsupported-attribute', `${labels.length} class labels; a classifier of at least 2 is supported`)
  return labels
}

export type PostTransform = 'NONE' | 'LOGISTIC' | 'SOFTMAX'

/** @throws CompileError naming a transform other than NONE, LOGISTIC and SOFTMAX. */
export function postTransform(call: Invocation): PostTransform {
  const found = call.string('post_transform', 'NONE')
  if (found === 'NONE' || found === 'LOGISTIC' || found === 'SOFTMAX') return found
  return call.fail('unsupported-attribute', `post_transform ${found}; NONE, LOGISTIC and SOFTMAX are supported`)
}

/** Number of features of the one sample that the operator reads. */
export function featuresOf(call: Invocation): number {
  const shape = call.shape(0)
  const features = shape.at(-1) ?? 0
  if (shape.length === 0 || shape.length > 2 || features !== elementCount(shape))
    call.fail('unsupported-attribute', `its input is [${shape}]; one sample, [features] or [1, features], is supported`)
  return features
}
