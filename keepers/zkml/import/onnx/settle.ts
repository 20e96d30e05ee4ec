// SPDX-License-Identifier: GPL-3.0-or-later
// A Softmax or a logistic that was left out, since it changes no order of the scores, is computed after all where somebody asks
// for more than their order.
import { CompileError } from '../../graph/errors.ts'
import { softmax } from '../compose.ts'
import type { Computed } from './operand.ts'
import type { Scope } from './scope.ts'

/** Puts what `name` really is in the place of the scores before the operator that was left out, for every later reader too. */
export function settle(scope: Scope, name: string, reader: string): void {
  const { builder, ranked, operands } = scope
  const kind = ranked.get(name)
  const operand = operands.get(name)
  if (kind === undefined || operand === undefined || !('value' in operand)) return
  if (kind === 'normalised')
    throw new CompileError(
      'unsupported-operator',
      `${reader}: it computes with ${name}, probabilities divided by their sum, of which the order alone is known`,
      { layer: reader },
    )
  ranked.delete(name)
  operands.set(name, { ...operand, value: computed(scope, name, kind, operand), moved: false })
  builder.note(`${name} is computed, not only its order: ${reader} computes with it`)
}

function computed(
  { builder }: Scope,
  name: string,
  kind: 'softmax' | 'log-softmax' | 'logistic',
  { value }: Computed,
): string {
  const label = `${name}.probabilities`
  if (kind === 'logistic') return builder.activation(label, value, { kind: 'sigmoid' })
  // It is over all of its elements together, whatever shape they have since been given.
  const axes = builder.shape(value).map((_, axis) => axis)
  return softmax(builder, label, kind, value, axes)
}
