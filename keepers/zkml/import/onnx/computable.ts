// SPDX-License-Identifier: GPL-3.0-or-later
// What may be computed with inside the network: floating-point values and finite constants. Whole numbers only move about.
import { CompileError } from '../../graph/errors.ts'
import type { Invocation } from './scope.ts'
import { isFloat, typeName } from './types.ts'

/** Operators that compare or that take limits, where infinity has a meaning. */
const TAKES_INFINITY = new Set(['Clip', 'Min', 'Max'])

/** @throws CompileError naming node and input of what would wrap, truncate, or be no number. */
export function requireComputable(call: Invocation): void {
  for (const [i, name] of call.node.input.entries()) {
    if (!call.has(i)) continue
    const operand = call.operand(i)
    if ('constant' in operand) {
      const { data, type } = operand.constant
      if (isFloat(type) && (!TAKES_INFINITY.has(call.node.opType) || data.some(Number.isNaN)))
        call.requireFinite(data, `input ${i} (${name})`)
      continue
    }
    if (operand.cast !== null) refuseCast(operand.cast, `${call.node.opType} ${call.name}`)
    if (isFloat(operand.type)) continue
    call.fail(
      'unsupported-attribute',
      `it computes with ${name} of ${typeName(operand.type)}, which would wrap and truncate; cast it to a floating-point type before`,
    )
  }
}

export function refuseCast(node: string, reader: string): never {
  throw new CompileError(
    'unsupported-attribute',
    `Cast ${node}: rounding inside the network is not supported, and ${reader} reads what it truncates; only the index of a table may be cast`,
    { layer: node, operator: 'Cast' },
  )
}
