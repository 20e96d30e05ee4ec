// SPDX-License-Identifier: GPL-3.0-or-later
// Operands that the network can compute with: floating-point values and finite constants. Whole numbers only move about.
import { CompileError } from '../../graph/errors.ts'
import type { Invocation } from './invocation.ts'
import { isFloat, typeName } from './types.ts'

/** Operators that compare or that take limits, where infinity has a meaning. */
const TAKES_INFINITY = new Set(['Clip', 'Min', 'Max'])

/** @throws CompileError naming node and input where a value would wrap, be truncated, or be infinite or NaN. */
export function requireComputable(call: Invocation): void {
  for (const [i, name] of call.node.input.entries()) {
    if (!call.has(i)) continue
    const operand = call.operand(i)
    if ('constant' in operand) {
      const { data, type } = operand.constant
      // The −∞ of an attention mask is never computed: the Softmax leaves those elements out.
      if (isFloat(type) && masks(call, data)) continue
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

/** Whether the node is one that may add a mask, and `data` holds −∞ but neither +∞ nor NaN. */
function masks({ node }: Invocation, data: Float64Array): boolean {
  const inOperator = node.opType === 'Add' || node.opType === 'Where' || node.opType === 'Attention'
  return inOperator && data.includes(Number.NEGATIVE_INFINITY) && data.every((v) => v < Number.POSITIVE_INFINITY)
}

/** Operators that may read −∞: a Softmax, and those that pass it on unchanged. */
const MASKED = new Set(['Softmax', 'Identity', 'Cast'])

/** @throws CompileError naming a node other than a Softmax that reads −∞. */
export function requireUnmasked(call: Invocation): void {
  for (const [i, name] of call.node.input.entries()) {
    const operand = call.has(i) ? call.operand(i) : null
    if (operand !== null && 'value' in operand && operand.masked !== undefined && !MASKED.has(call.node.opType))
      call.fail('not-finite', `it reads ${name}, which holds −∞ where it is masked; only a Softmax may`)
  }
}

export function refuseCast(node: string, reader: string): never {
  throw new CompileError(
    'unsupported-attribute',
    `Cast ${node}: rounding inside the network is not supported, and ${reader} reads the truncated value; only the index of a table may be cast`,
    { layer: node, operator: 'Cast' },
  )
}
