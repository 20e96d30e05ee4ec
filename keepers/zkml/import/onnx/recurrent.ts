// SPDX-License-Identifier: GPL-3.0-or-later
// RNN, GRU and LSTM over sequences of a fixed length: unrolled, one step after the other. The inputs' contribution to the gates is computed
// for all steps at once, the state's contribution at each step.
import { sameShape, tensor } from '../../graph/tensor.ts'
import type { ActivationFunction, Tensor, ValueName } from '../../graph/types.ts'
import type { Handler, Invocation } from './invocation.ts'
import { type Result, values } from './operand.ts'
import type { Constant } from './tensors.ts'

type Cell = { readonly gates: number; readonly activations: readonly string[]; readonly step: Step }
/** The next state [hidden] (and cell), from the gates' part of the input [1, gates · hidden]. */
type Step = (d: Direction, input: ValueName, state: State, at: string) => State
type State = { readonly h: ValueName | null; readonly c: ValueName | null }

const CELLS: Readonly<Record<string, Cell>> = {
  RNN: { gates: 1, activations: ['Tanh'], step: simpleStep },
  GRU: { gates: 3, activations: ['Sigmoid', 'Tanh'], step: gatedStep },
  LSTM: { gates: 4, activations: ['Sigmoid', 'Tanh', 'Tanh'], step: memoryStep },
}
const FUNCTIONS: Readonly<Record<string, ActivationFunction>> = {
  sigmoid: { kind: 'sigmoid' },
  tanh: { kind: 'tanh' },
  relu: { kind: 'relu' },
}
const MOST_STEPS = 512

export const RECURRENT_HANDLERS: Readonly<Record<string, Handler>> = {
  RNN: (call) => unrolled(call, CELLS.RNN!),
  GRU: (call) => unrolled(call, CELLS.GRU!),
  LSTM: (call) => unrolled(call, CELLS.LSTM!),
}

/** One direction of a layer: its matrices, with one column per output, and its activations. */
type Direction = {
  readonly call: Invocation
  readonly hidden: number
  /** [features, gates · hidden] and the bias of the input's part. */
  readonly weights: Tensor
  readonly bias: Float64Array
  /** [hidden, gates · hidden] and the bias of the state's part. */
  readonly recurrence: Tensor
  readonly recurrenceBias: Float64Array
  /** LSTM: [3 · hidden] of input, output and forget gate; null without. */
  readonly peepholes: Float64Array | null
  readonly functions: readonly ActivationFunction[]
}

function unrolled(call: Invocation, cell: Cell): Result[] {
  const { builder, name } = call
  if (call.flag('layout', false)) return call.fail('unsupported-attribute', 'layout = 1; batch-wise layout')
  if (call.flag('input_forget', false)) call.fail('unsupported-attribute', 'input_forget = 1')
  if (call.hasAttribute('clip')) call.fail('unsupported-attribute', `clip = ${call.float('clip', 0)}`)
  const x = call.value(0)
  const [steps, batch, features] = builder.shape(x) as [number, number, number]
  if (builder.shape(x).length !== 3 || batch !== 1)
    call.fail('unsupported-attribute', `input [${builder.shape(x)}]; [steps, 1, features] is supported`)
  if (steps > MOST_STEPS) call.fail('unsupported-attribute', `${steps} steps; up to ${MOST_STEPS} are unrolled`)
  if (call.has(4)) {
    const lengths = call.constant(4, 'sequence_lens')
    if (lengths.data.some((length) => length !== steps))
      call.fail('unsupported-attribute', `sequence_lens [${Array.from(lengths.data)}] of ${steps} steps`)
  }
  const directions = directionsOf(call, cell, features)
  const hidden = directions[0]!.hidden
  const count = directions.length
  const rows = builder.reshape(`${name}.steps`, x, [steps, features])
  const ends: State[] = []
  const all = directions.map((direction, d) => {
    const { weights, bias } = direction
    const gates = builder.dense(`${name}.inputs`, rows, weights, tensor([bias.length], bias))
    const backwards = call.string('direction', 'forward') === 'reverse' || d === 1
    let state: State = { h: initial(call, 5, d, hidden, 'initial_h'), c: initial(call, 6, d, hidden, 'initial_c') }
    const outputs: ValueName[] = []
    for (let k = 0; k < steps; k++) {
      const at = backwards ? steps - 1 - k : k
      const own = builder.slice(`${name}.input`, gates, [at, 0], [1, 1], [1, cell.gates * hidden])
      state = cell.step(direction, own, state, `${name}.${d}.${at}`)
      outputs[at] = state.h!
    }
    ends.push(state)
    return outputs
  })
  // [steps, directions, 1, hidden]
  const inOrder = Array.from({ length: steps }, (_, k) => all.map((outputs) => outputs[k]!)).flat()
  const join = (parts: readonly ValueName[]): ValueName =>
    parts.length === 1 ? parts[0]! : builder.nary(`${name}.all`, parts, { op: 'concat', axis: 0 })
  const y = builder.reshape(name, join(inOrder), [steps, count, 1, hidden])
  const last = (part: 'h' | 'c'): ValueName =>
    builder.reshape(`${name}.${part}`, join(ends.map((state) => state[part]!)), [count, 1, hidden])
  return call.node.opType === 'LSTM' ? values(y, last('h'), last('c')) : values(y, last('h'))
}

function directionsOf(call: Invocation, cell: Cell, features: number): Direction[] {
  const direction = call.string('direction', 'forward')
  if (!['forward', 'reverse', 'bidirectional'].includes(direction))
    call.fail('malformed-file', `direction ${direction}; forward, reverse or bidirectional is needed`)
  const count = direction === 'bidirectional' ? 2 : 1
  const recurrence = call.constant(2, 'recurrence weights')
  const hidden = recurrence.shape[2] ?? 0
  const rows = cell.gates * hidden
  const part = (index: number, what: string, shape: readonly number[]): Constant | null => {
    if (!call.has(index)) return null
    const found = call.constant(index, what)
    if (!sameShape(found.shape, shape))
      call.fail('malformed-file', `its ${what} have shape [${found.shape}] where [${shape}] is needed`)
    return found
  }
  if (call.hasAttribute('hidden_size') && call.int('hidden_size', 0) !== hidden)
    call.fail('malformed-file', `hidden_size ${call.int('hidden_size', 0)} of recurrence weights [${recurrence.shape}]`)
  const [w, r] = [part(1, 'weights', [count, rows, features])!, part(2, 'recurrence weights', [count, rows, hidden])!]
  const b = part(3, 'bias', [count, 2 * rows])
  const p = call.node.opType === 'LSTM' ? part(7, 'peepholes', [count, 3 * hidden]) : null
  const functions = functionsOf(call, cell, count)
  return Array.from({ length: count }, (_, d) => ({
    call,
    hidden,
    weights: turned(w.data.subarray(d * rows * features, (d + 1) * rows * features), rows, features),
    recurrence: turned(r.data.subarray(d * rows * hidden, (d + 1) * rows * hidden), rows, hidden),
    bias: b === null ? new Float64Array(rows) : b.data.slice(2 * d * rows, (2 * d + 1) * rows),
    recurrenceBias: b === null ? new Float64Array(rows) : b.data.slice((2 * d + 1) * rows, (2 * d + 2) * rows),
    peepholes: p === null ? null : p.data.slice(3 * d * hidden, 3 * (d + 1) * hidden),
    functions: functions.slice(d * cell.activations.length, (d + 1) * cell.activations.length),
  }))
}

function functionsOf(call: Invocation, cell: Cell, count: number): ActivationFunction[] {
  const usual = Array.from({ length: count }, () => cell.activations).flat()
  const given = call.strings('activations') ?? []
  const names = given.length === 0 ? usual : given
  if (names.length !== usual.length)
    call.fail('malformed-file', `activations [${names}] where ${usual.length} are needed`)
  return names.map(
    (each) =>
      FUNCTIONS[each.toLowerCase()] ??
      call.fail('unsupported-attribute', `activation ${each}; Sigmoid, Tanh and Relu are supported`),
  )
}

/** Rows of outputs → a matrix that a row is multiplied with. */
function turned(data: Float64Array, rows: number, columns: number): Tensor {
  return tensor(
    [columns, rows],
    Float64Array.from({ length: data.length }, (_, i) => data[(i % rows) * columns + Math.floor(i / rows)]!),
  )
}

/** The first state of direction `d`: computed, or a constant other than zeros; null for zeros. */
function initial(call: Invocation, index: number, d: number, hidden: number, what: string): ValueName | null {
  if (!call.has(index)) return null
  const operand = call.operand(index)
  const shape = call.shapeOf(operand)
  if (shape.length !== 3 || shape[1] !== 1 || shape[2] !== hidden)
    call.fail('malformed-file', `${what} [${shape}] where [directions, 1, ${hidden}] is needed`)
  if ('constant' in operand && operand.constant.data.every((value) => value === 0)) return null
  const map = Int32Array.from({ length: hidden }, (_, i) => d * hidden + i)
  return call.builder.select(`${call.name}.${what}`, call.asValue(operand), map, [1, hidden])
}

/** Columns of gate k: [1, hidden]. */
function gate({ call, hidden }: Direction, all: ValueName, k: number, at: string): ValueName {
  return call.builder.slice(`${at}.gate`, all, [0, k * hidden], [1, 1], [1, hidden])
}

/** The input's part and the state's part of some gates together; of a state of zeros the bias alone is left. */
function summed(d: Direction, input: ValueName, h: ValueName | null, at: string): ValueName {
  const { builder } = d.call
  const bias = tensor([1, d.recurrenceBias.length], d.recurrenceBias)
  if (h === null)
    return d.recurrenceBias.every((value) => value === 0)
      ? input
      : builder.affine(`${at}.bias`, input, tensor([], [1]), bias)
  const own = builder.dense(`${at}.state`, h, d.recurrence, tensor([d.recurrenceBias.length], d.recurrenceBias))
  return builder.nary(`${at}.sum`, [input, own], { op: 'binary', kind: 'add' })
}

function times(d: Direction, a: ValueName, b: ValueName, at: string): ValueName {
  return d.call.builder.nary(`${at}.times`, [a, b], { op: 'binary', kind: 'multiply' })
}

function plus(d: Direction, a: ValueName, b: ValueName | null, at: string): ValueName {
  return b === null ? a : d.call.builder.nary(`${at}.plus`, [a, b], { op: 'binary', kind: 'add' })
}

function simpleStep(d: Direction, input: ValueName, { h }: State, at: string): State {
  return { h: d.call.builder.activation(at, summed(d, input, h, at), d.functions[0]!), c: null }
}

/** LSTM: gates are input, output, forget, cell. */
function memoryStep(d: Direction, input: ValueName, { h, c }: State, at: string): State {
  const { builder } = d.call
  const [f, g, last] = d.functions as [ActivationFunction, ActivationFunction, ActivationFunction]
  const all = summed(d, input, h, at)
  const peeped = (k: number, cell: ValueName | null): ValueName => {
    const own = gate(d, all, k, at)
    if (d.peepholes === null || cell === null) return own
    const weights = tensor([1, d.hidden], d.peepholes.slice(k * d.hidden, (k + 1) * d.hidden))
    return plus(d, own, builder.affine(`${at}.peephole`, cell, weights, tensor([], [0])), at)
  }
  const added = times(
    d,
    builder.activation(`${at}.i`, peeped(0, c), f),
    builder.activation(`${at}.g`, gate(d, all, 3, at), g),
    at,
  )
  const kept = c === null ? null : times(d, builder.activation(`${at}.f`, peeped(2, c), f), c, at)
  const cell = plus(d, added, kept, at)
  const shown = builder.activation(`${at}.o`, peeped(1, cell), f)
  return { h: times(d, shown, builder.activation(`${at}.c`, cell, last), at), c: cell }
}

/** GRU: gates are update, reset, hidden. The next state is n + z ⊙ (h − n). */
function gatedStep(d: Direction, input: ValueName, { h }: State, at: string): State {
  const { call, hidden, recurrence, recurrenceBias } = d
  const { builder } = call
  const [f, g] = d.functions as [ActivationFunction, ActivationFunction]
  const linearFirst = call.flag('linear_before_reset', false)
  const columns = (from: number, to: number): Direction => {
    const [rows, width] = recurrence.shape as [number, number]
    const kept = (to - from) * hidden
    const data = Float64Array.from(
      { length: rows * kept },
      (_, i) => recurrence.data[Math.floor(i / kept) * width + from * hidden + (i % kept)]!,
    )
    const bias = recurrenceBias.slice(from * hidden, to * hidden)
    return { ...d, recurrence: tensor([rows, kept], data), recurrenceBias: bias }
  }
  const inputs = (from: number, to: number): ValueName =>
    builder.slice(`${at}.inputs`, input, [0, from * hidden], [1, 1], [1, (to - from) * hidden])
  const open = builder.activation(`${at}.zr`, summed(columns(0, 2), inputs(0, 2), h, at), f)
  const [z, r] = [gate(d, open, 0, at), gate(d, open, 1, at)]
  const rest = columns(2, 3)
  const own = inputs(2, 3)
  const candidate = ((): ValueName => {
    if (!linearFirst) return summed(rest, own, h === null ? null : times(d, r, h, at), at)
    const bias = tensor([hidden], rest.recurrenceBias)
    if (h !== null) return plus(d, own, times(d, r, builder.dense(`${at}.state`, h, rest.recurrence, bias), at), at)
    if (bias.data.every((value) => value === 0)) return own
    return plus(d, own, builder.affine(`${at}.reset`, r, tensor([1, hidden], bias.data), tensor([], [0])), at)
  })()
  const next = builder.activation(`${at}.n`, candidate, g)
  const difference =
    h === null
      ? builder.fixedScalar(`${at}.minus`, next, -1, 0)
      : builder.nary(`${at}.difference`, [h, next], { op: 'binary', kind: 'subtract' })
  return { h: plus(d, next, times(d, z, difference, at), at), c: null }
}
