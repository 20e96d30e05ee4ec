// SPDX-License-Identifier: GPL-3.0-or-later
// Attention and rotary positions (opset 23), as the operators that they are made of.

import { typeOf } from './check.ts'
import type { Handler, Invocation } from './invocation.ts'
import { constantOf, integersOf, type Operand, resultOf } from './operand.ts'
import { isFloat, TYPE, typeName } from './types.ts'

export const ATTENTION_HANDLERS: Readonly<Record<string, Handler>> = {
  Attention: (call) => {
    const flat = call.shape(0).length === 3
    const [queries, keys, values] = headsOf(call)
    if (call.has(4) !== call.has(5)) call.fail('malformed-file', 'past_key and past_value go together')
    const [key, value] = [keys, values].map((each, i) =>
      call.has(4 + i) ? call.apply('Concat', [call.operand(4 + i), each], { axis: 2 })[0]! : each,
    ) as [Operand, Operand]
    const [, count, length, size] = call.shapeOf(queries) as [number, number, number, number]
    const scale = call.float('scale', 1 / Math.sqrt(size))
    if (scale < 0) call.fail('not-finite', `scale = ${scale} has no real square root`)
    const scaled = call.apply('Mul', [queries, numberOf(call, scale)])[0]!
    const [turned] = call.apply('Transpose', [repeated(call, key, count)], { perm: [0, 1, 3, 2] })
    const [products] = call.apply('MatMul', [scaled, turned!])
    const capped = softcapped(call, products!)
    const biases = biasesOf(call, length, call.shapeOf(key)[2]!)
    const masked = biases.reduce((scores, bias) => call.apply('Add', [scores, bias])[0]!, capped)
    const [weights] = call.apply('Softmax', [masked], { axis: -1 })
    const [made] = call.apply('MatMul', [weights!, repeated(call, value, count)])
    const mode = call.int('qk_matmul_output_mode', 0)
    const shown = [products!, capped, masked, weights!][mode]
    if (shown === undefined) call.fail('malformed-file', `qk_matmul_output_mode = ${mode}; 0 to 3 are known`)
    const output = flat ? joinedHeads(call, made!) : made!
    return [output, key, value, shown!].map((operand) => resultOf(operand))
  },
  RotaryEmbedding: (call) => {
    const shape = call.shape(0)
    const flat = shape.length === 3
    if (!flat && shape.length !== 4) call.fail('malformed-file', `input [${shape}]; 3 or 4 axes are needed`)
    const input = flat ? splitHeads(call, call.operand(0), call.int('num_heads', 0)) : call.operand(0)
    const [batch, , length, size] = call.shapeOf(input) as [number, number, number, number]
    const rotated = call.int('rotary_embedding_dim', 0) || size
    if (rotated < 2 || rotated > size || rotated % 2 !== 0)
      call.fail('malformed-file', `rotary_embedding_dim = ${rotated} of heads of ${size} numbers`)
    const [cos, sin] = [1, 2].map((i) => {
      const cache = call.has(3) ? call.apply('Gather', [call.operand(i), call.operand(3)])[0]! : call.operand(i)
      const found = call.shapeOf(cache)
      if (found.length !== 3 || found[0] !== batch || found[1] !== length || found[2] !== rotated / 2)
        call.fail('malformed-file', `cache [${found}] where [${batch},${length},${rotated / 2}] is needed`)
      return call.apply('Unsqueeze', [cache, integersOf(1)])[0]!
    }) as [Operand, Operand]
    const part = (from: number, to: number, step = 1): Operand =>
      call.apply('Slice', [input, ...[from, to, 3, step].map((each) => integersOf(each))])[0]!
    const interleaved = call.flag('interleaved', false)
    const [x, y] = interleaved
      ? [part(0, rotated, 2), part(1, rotated, 2)]
      : [part(0, rotated / 2), part(rotated / 2, rotated)]
    const times = (a: Operand, b: Operand): Operand => call.apply('Mul', [a, b])[0]!
    const [real] = call.apply('Sub', [times(x, cos), times(y, sin)])
    const [imaginary] = call.apply('Add', [times(x, sin), times(y, cos)])
    const turned = interleaved
      ? woven(call, real!, imaginary!)
      : call.apply('Concat', [real!, imaginary!], { axis: 3 })[0]!
    const whole = rotated === size ? turned : call.apply('Concat', [turned, part(rotated, size)], { axis: 3 })[0]!
    return [resultOf(flat ? joinedHeads(call, whole) : whole)]
  },
}

/** Queries, keys and values as [batch, heads, length, numbers of a head]. */
function headsOf(call: Invocation): [Operand, Operand, Operand] {
  const ranks = [0, 1, 2].map((i) => call.shape(i).length)
  const counts = ['q_num_heads', 'kv_num_heads', 'kv_num_heads'].map((name) => call.int(name, 0))
  if (ranks.every((rank) => rank === 4)) {
    if (counts.some((count) => count !== 0))
      call.fail('malformed-file', 'q_num_heads and kv_num_heads are for inputs of 3 axes')
    return [call.operand(0), call.operand(1), call.operand(2)]
  }
  if (!ranks.every((rank) => rank === 3))
    call.fail('malformed-file', `inputs of ${ranks.join(', ')} axes; all of 3 or all of 4`)
  return [0, 1, 2].map((i) => splitHeads(call, call.operand(i), counts[i]!)) as [Operand, Operand, Operand]
}

/** [batch, length, heads · n] → [batch, heads, length, n] */
function splitHeads(call: Invocation, operand: Operand, heads: number): Operand {
  const [batch, length, width] = call.shapeOf(operand) as [number, number, number]
  if (heads < 1 || width % heads !== 0) call.fail('malformed-file', `${heads} heads of ${width} numbers`)
  const [split] = call.apply('Reshape', [operand, integersOf(batch, length, heads, width / heads)])
  return call.apply('Transpose', [split!], { perm: [0, 2, 1, 3] })[0]!
}

function joinedHeads(call: Invocation, operand: Operand): Operand {
  const [batch, heads, length, size] = call.shapeOf(operand) as [number, number, number, number]
  const [turned] = call.apply('Transpose', [operand], { perm: [0, 2, 1, 3] })
  return call.apply('Reshape', [turned!, integersOf(batch, length, heads * size)])[0]!
}

/** Each head of keys or values as often as queries share it. */
function repeated(call: Invocation, operand: Operand, heads: number): Operand {
  const own = call.shapeOf(operand)[1]!
  if (own === heads) return operand
  if (own < 1 || heads % own !== 0)
    call.fail('malformed-file', `${heads} heads of queries share ${own} of keys and values`)
  const places = Array.from({ length: heads }, (_, i) => Math.floor((i * own) / heads))
  return call.apply('Gather', [operand, integersOf(...places)], { axis: 1 })[0]!
}

function softcapped(call: Invocation, products: Operand): Operand {
  const cap = call.float('softcap', 0)
  if (cap < 0) call.fail('malformed-file', `softcap = ${cap}; 0 or more is needed`)
  if (cap === 0) return products
  const [small] = call.apply('Mul', [products, numberOf(call, 1 / cap)])
  const [bent] = call.apply('Tanh', [small!])
  return call.apply('Mul', [bent!, numberOf(call, cap)])[0]!
}

/** Terms added before the Softmax, a computed one first: the mask, and −∞ where a query would see later keys. */
function biasesOf(call: Invocation, queries: number, keys: number): Operand[] {
  const type = typeOf(call.operand(0))
  const causal = call.flag('is_causal', false)
  // Versions of the standard disagree about the cached keys that a query sees.
  if (causal && call.has(4)) call.fail('unsupported-attribute', 'is_causal = 1 with past_key, where runtimes differ')
  const below = (i: number): number => (i % keys <= Math.floor(i / keys) ? 0 : Number.NEGATIVE_INFINITY)
  const frontier = causal
    ? constantOf(
        type,
        [queries, keys],
        Array.from({ length: queries * keys }, (_, i) => below(i)),
      )
    : null
  if (!call.has(3)) return frontier === null ? [] : [frontier]
  const mask = additive(call, call.operand(3))
  const length = call.shapeOf(mask).at(-1)
  if (length !== keys) call.fail('unsupported-attribute', `a mask of ${length} keys; there are ${keys}`)
  if (frontier === null) return [mask]
  return 'value' in mask ? [mask, frontier] : call.apply('Add', [mask, frontier])
}

/** A boolean mask lets through where it is true. */
function additive(call: Invocation, mask: Operand): Operand {
  const type = typeOf(call.operand(0))
  if (typeOf(mask) === type) return mask
  if (typeOf(mask) !== TYPE.bool || 'value' in mask)
    return call.fail(
      'unsupported-attribute',
      `a mask of ${typeName(typeOf(mask))}; a constant boolean one, or numbers of the queries' type`,
    )
  const { shape, data } = mask.constant
  return constantOf(
    type,
    shape,
    data.map((lets) => (lets === 0 ? Number.NEGATIVE_INFINITY : 0)),
  )
}

/** Alternately an element of each. */
function woven(call: Invocation, a: Operand, b: Operand): Operand {
  const shape = call.shapeOf(a)
  const wide = [a, b].map((each) => call.apply('Unsqueeze', [each, integersOf(-1)])[0]!)
  const [pairs] = call.apply('Concat', wide, { axis: -1 })
  return call.apply('Reshape', [pairs!, integersOf(...shape.slice(0, -1), 2 * shape.at(-1)!)])[0]!
}

function numberOf(call: Invocation, value: number): Operand {
  const type = typeOf(call.operand(0))
  return constantOf(isFloat(type) ? type : TYPE.float, [], [value])
}
