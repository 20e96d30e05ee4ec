// SPDX-License-Identifier: GPL-3.0-or-later
// Steps of random graphs: constants of any type, computed by the file itself, and casts.
import type { Attribute, ElementType } from './onnx-file.ts'
import { broadcast, type Drawing, type Entry, type Step } from './random-drawing.ts'

export const FOLDED: readonly Step[] = [folded, folded, folded, casts]

const WHOLE = ['int32', 'int64'] as const
const NUMBERS: Readonly<Record<string, number>> = {
  float: 1,
  uint8: 2,
  int8: 3,
  int32: 6,
  int64: 7,
  bool: 9,
  double: 11,
}

/** Arithmetic on constants of a whole or floating-point type, whose result the input is multiplied with. */
function folded(d: Drawing): void {
  const x = d.value()!
  const type = d.random.pick<ElementType>([...WHOLE, ...WHOLE, 'float', 'double'])
  const whole = type === 'int32' || type === 'int64'
  const draw = (): Entry => {
    if (type === 'int64' && d.chance(0.4)) {
      const shape = d.emit('Shape', [x], {}, [x.shape.length], 'int64')
      d.entries.pop()
      const at = d.integers([d.random.int(0, x.shape.length - 1)])
      if (x.shape.length > 0) return last(d, 'Gather', [{ ...shape, computed: false }, at], { axis: 0 }, [1], type)
    }
    const value = whole ? d.random.int(-9, 9) : d.random.next() * 6 - 3
    return d.known({ shape: [1], data: [type === 'float' ? Math.fround(value) : value], type })
  }
  let value = draw()
  for (let i = d.random.int(1, 4); i > 0; i--) {
    const choices = ['Add', 'Sub', 'Mul', 'Div', 'Neg', 'Abs', ...(whole ? ['Mod'] : ['Floor', 'Ceil'])]
    const extremes = d.opset >= 12 || !whole ? ['Min', 'Max'] : []
    const op = d.random.pick([...choices, ...extremes])
    if (op === 'Mod' && d.opset < 10) continue
    if (['Neg', 'Abs', 'Floor', 'Ceil'].includes(op)) value = last(d, op, [value], {}, [1], type)
    else {
      const fmod = op === 'Mod' && d.chance(0.5) ? { fmod: 1 } : {}
      value = last(d, op, d.chance(0.5) ? [value, draw()] : [draw(), value], fmod, [1], type)
    }
  }
  const via = d.random.pick<ElementType | null>([null, 'int32', 'int64', 'bool', 'double'])
  if (via !== null) value = last(d, 'Cast', [value], { to: NUMBERS[via]! }, [1], via)
  const factor = last(d, 'Cast', [value], { to: NUMBERS.float! }, [1], 'float')
  d.emit('Mul', [x, factor], {}, broadcast(x.shape, [1]))
}

/** A node of constants alone: not to be taken as a value of the input. */
function last(
  d: Drawing,
  op: string,
  inputs: readonly Entry[],
  attributes: Record<string, Attribute>,
  shape: readonly number[],
  type: ElementType,
): Entry {
  const entry = d.emit(op, inputs, attributes, shape, type)
  d.entries.pop()
  return entry
}

/** The input through another type and back: only floating-point ones leave it as it is. */
function casts(d: Drawing): void {
  const x = d.value()!
  const via = d.random.pick<ElementType>(['int32', 'int64', 'bool', 'double', 'double', 'uint8'])
  const there = d.emit('Cast', [x], { to: NUMBERS[via]! }, x.shape, via)
  d.emit('Cast', [there], { to: NUMBERS.float! }, x.shape)
}
