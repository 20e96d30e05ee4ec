// SPDX-License-Identifier: GPL-3.0-or-later
// Rounding of computed values to whole numbers. Within a unit of the integer program of where the result jumps, it may fall on either side,
// as with comparisons; a note says so.

import type { ValueName } from '../../graph/types.ts'
import type { Handler, Invocation } from './invocation.ts'
import { type Result, values } from './operand.ts'

export const ROUNDING_HANDLERS: Readonly<Record<string, Handler>> = {
  Floor: (call) => noted(call, down(call, call.name, call.value(0))),
  Ceil: (call) => noted(call, negated(call, down(call, call.name, negated(call, call.value(0))))),
  Round: (call) => {
    call.builder.note(`${call.name}: halves are rounded up where ONNX takes the even number`)
    return noted(call, whole(call, call.value(0)))
  },
}

function noted(call: Invocation, value: ValueName): Result[] {
  call.builder.note(
    `${call.name} rounds to whole numbers: an input within a unit of the plan's scale of a jump may fall on either side`,
  )
  return values(value)
}

const EVERYTHING = { step: 1, zero: 0, min: Number.NEGATIVE_INFINITY, max: Number.POSITIVE_INFINITY } as const

function down(call: Invocation, name: string, x: ValueName): ValueName {
  return call.builder.unary(name, x, { op: 'quantise', ...EVERYTHING, down: true })
}

function whole(call: Invocation, x: ValueName): ValueName {
  return call.builder.unary(call.name, x, { op: 'quantise', ...EVERYTHING })
}

function negated(call: Invocation, x: ValueName): ValueName {
  return call.builder.fixedScalar(`${call.name}.minus`, x, -1, 0)
}
