// SPDX-License-Identifier: GPL-3.0-or-later
// The meaning of each element of the input: a number at the input's scale, or an index, a code or a byte, which stands for itself.
import { CompileError } from '../graph/errors.ts'
import { elementCount, type InputPiece, type IntegerProgram, tensorOf } from '../graph/program.ts'
import { type Graph, type GraphNode, nodeInputs, type ValueName } from '../graph/types.ts'
import type { Plan } from './plan.ts'

/** Most bits of an input value. */
const MOST_INPUT_BITS = 24

/**
 * For each input element how many values an index there may take; 0 where it is not an index. An element that no layer reads (the tag
 * before a signed text) needs no scale: like an index, it stands for itself.
 */
export function indexRows(graph: Graph): Int32Array {
  const rows = new Int32Array(elementCount(graph.input.shape))
  const isNumber = new Uint8Array(rows.length)
  const readers = new Map<ValueName, GraphNode[]>()
  for (const node of graph.nodes)
    for (const value of nodeInputs(node)) {
      const list = readers.get(value)
      if (list === undefined) readers.set(value, [node])
      else list.push(node)
    }
  const limit = (sources: Int32Array, most: number): void => {
    for (const at of sources) if (at >= 0) rows[at] = rows[at] === 0 ? most : Math.min(rows[at]!, most)
  }
  /** Follows what only moves elements; `sources` are the input elements that a value holds. */
  const follow = (value: ValueName, sources: Int32Array): void => {
    for (const node of readers.get(value) ?? []) {
      if (node.op === 'embedding') limit(sources, node.table.shape[0]!)
      else if (node.op === 'bits') limit(sources, 2 ** node.width)
      else if (node.op === 'select')
        follow(
          node.output,
          node.map.map((from) => (from < 0 ? -1 : sources[from]!)),
        )
      else for (const at of sources) if (at >= 0) isNumber[at] = 1
    }
  }
  follow(
    graph.input.name,
    Int32Array.from(rows, (_, i) => i),
  )
  const most = rows.reduce((a, b) => Math.max(a, b), 0)
  return rows.map((count, at) => (count === 0 && isNumber[at] === 0 ? most : count))
}

/** The range of an input's numbers; `columns`: the range of each one, where each has its own scale. */
export type InputRange = Span & { readonly columns?: readonly Span[] | undefined }
type Span = { readonly min: number; readonly max: number }

/** Whether only comparisons read the input, as in a forest: then every column may have its own scale. */
export function isCompared(graph: Graph): boolean {
  const readers = graph.nodes.filter((node) => nodeInputs(node).includes(graph.input.name))
  return readers.length > 0 && readers.every((node) => node.op === 'compare') && graph.output !== graph.input.name
}

/** The range of the samples' numbers, without indices and with zero; for a forest the range of every column, without zero. */
export function numberRange(graph: Graph, samples: readonly ArrayLike<number>[]): InputRange {
  const whole = spanOf(graph, samples)
  if (graph.input.whole === true || !isCompared(graph)) return whole
  const columns = Array.from({ length: elementCount(graph.input.shape) }, (_, i) => {
    const values = samples.map((sample) => sample[i]!)
    return { min: values.reduce((a, b) => Math.min(a, b)), max: values.reduce((a, b) => Math.max(a, b)) }
  })
  return { ...whole, columns }
}

function spanOf(graph: Graph, samples: readonly ArrayLike<number>[]): Span {
  const rows = indexRows(graph)
  let [min, max] = [0, 0]
  for (const sample of samples)
    for (let i = 0; i < sample.length; i++) {
      if (rows[i]! > 0) continue
      min = Math.min(min, sample[i]!)
      max = Math.max(max, sample[i]!)
    }
  return { min, max }
}

/** The plan's part about the input. @throws CompileError invalid-option for a range that no number lies in. */
export function planInput(graph: Graph, bits: number, range: InputRange): Plan['input'] {
  if (range.columns !== undefined) return planColumns(bits, range.columns)
  const rows = indexRows(graph)
  const most = rows.reduce((a, b) => Math.max(a, b), 0)
  const indexBits = Math.max(1, Math.ceil(Math.log2(Math.max(2, most))))
  const index = (at: number): InputPiece => ({
    count: 1,
    scale: 1,
    zero: 0,
    low: 0,
    high: rows[at]! - 1,
    whole: true,
  })
  if (rows.every((count) => count > 0))
    return { bits: indexBits, min: 0, scale: 1, pieces: runs(Array.from(rows, (_, i) => index(i))) }
  const numbers = numberPlan(graph, most > 0 ? Math.max(bits, indexBits) : bits, range)
  if (most === 0) {
    if (graph.input.whole !== true || numbers.scale !== 1) return numbers
    const high = numbers.min + 2 ** numbers.bits - 1
    return {
      ...numbers,
      pieces: [{ count: rows.length, scale: 1, zero: 0, low: numbers.min, high, whole: true }],
    }
  }
  // Integers of the whole input begin at 0, where indices do; numbers are shifted there and back.
  const wide = Math.max(numbers.bits, indexBits)
  const number: InputPiece = {
    count: 1,
    scale: numbers.scale,
    zero: -numbers.min,
    low: 0,
    high: 2 ** numbers.bits - 1,
    whole: graph.input.whole === true && numbers.scale === 1,
  }
  const pieces = runs(Array.from(rows, (count, i) => (count > 0 ? index(i) : number)))
  return { bits: wide, min: 0, scale: 1, pieces }
}

/** Each column from its least to its largest sample over all integers but one, which rounding may need. */
function planColumns(bits: number, columns: readonly Span[]): Plan['input'] {
  const high = 2 ** bits - 1
  const pieces = columns.map(({ min, max }, i): InputPiece => {
    if (!Number.isFinite(min) || !Number.isFinite(max))
      throw new CompileError(
        'invalid-option',
        `column ${i} of the samples spans [${min}, ${max}]; finite numbers are needed`,
      )
    const scale = (max > min ? max - min : Math.max(1, Math.abs(max))) / Math.max(1, high - 1)
    return { count: 1, scale, zero: -Math.round(min / scale) + 0, low: 0, high, whole: false }
  })
  return { bits, min: 0, scale: 1, pieces: runs(pieces) }
}

function numberPlan(graph: Graph, bits: number, range: { min: number; max: number }) {
  const [low, high] = [Math.min(0, range.min), Math.max(0, range.max)]
  if (!(Number.isFinite(low) && Number.isFinite(high) && high > low))
    throw new CompileError(
      'invalid-option',
      `input range [${range.min}, ${range.max}]; give a finite range that is not empty`,
    )
  if (graph.input.whole === true && Number.isInteger(low) && Number.isInteger(high)) {
    const needed = Math.max(1, Math.ceil(Math.log2(high - low + 1)))
    if (needed <= MOST_INPUT_BITS) return { bits: needed, min: low + 0, scale: 1 }
  }
  const scale = (high - low) / (2 ** bits - 1)
  return { bits, min: Math.round(low / scale) + 0, scale }
}

/** Merges equal neighbours into one piece. */
function runs(list: readonly InputPiece[]): InputPiece[] {
  const found: InputPiece[] = []
  for (const piece of list) {
    const before = found.at(-1)
    const alike =
      before !== undefined &&
      (['scale', 'zero', 'low', 'high', 'whole'] as const).every((key) => before[key] === piece[key])
    if (alike) found[found.length - 1] = { ...before, count: before.count + piece.count }
    else found.push(piece)
  }
  return found
}

/** Each input element's own piece, where a plan or a program has any. */
export function elementPieces(pieces: readonly InputPiece[]): InputPiece[] {
  return pieces.flatMap((piece) => new Array<InputPiece>(piece.count).fill(piece))
}

/** Whether the input has both numbers and indices, so that numbers must be shifted back. */
export function isMixed(pieces: readonly InputPiece[] | undefined): pieces is readonly InputPiece[] {
  return pieces?.some((piece) => piece.scale !== pieces[0]!.scale || piece.zero !== 0) ?? false
}

export type Encoded = {
  readonly values: Float64Array
  /** How many of them lay outside the calibrated range and were moved to its edge. */
  readonly clamped: number
}

/**
 * Real input → the integers that a program takes, rounded. A value outside the calibrated range is refused, or with `clamp` moved to the edge:
 * the proof is then about another input than the one given.
 * @throws CompileError wrong-input naming position, value and range; always for a fraction or a stranger among indices
 */
export function encodeReals(program: IntegerProgram, input: ArrayLike<number>, clamp = false): Encoded {
  const { tensor, bits, min, pieces } = program.input
  const { shape, scale } = tensorOf(program, tensor)
  const size = elementCount(shape)
  if (input.length !== size)
    throw new CompileError('wrong-input', `${program.name} takes ${size} input values, found ${input.length}`)
  const uniform: InputPiece = { count: size, scale, zero: 0, low: min, high: min + 2 ** bits - 1, whole: false }
  const values = new Float64Array(size)
  let [at, clamped] = [0, 0]
  for (const piece of pieces ?? [uniform])
    for (const end = at + piece.count; at < end; at++) {
      const [value, moved] = encodeOne(piece, input[at]!, at, clamp)
      values[at] = value
      if (moved) clamped++
    }
  return { values, clamped }
}

function encodeOne(piece: InputPiece, real: number, at: number, clamp: boolean): [number, boolean] {
  const { scale, zero, low, high, whole } = piece
  const fail = (message: string): never => {
    throw new CompileError('wrong-input', `input value ${real} at position ${at} ${message}`)
  }
  if (!Number.isFinite(real)) fail('is not a number')
  const range = `[${(low - zero) * scale}, ${(high - zero) * scale}]`
  if (whole && !Number.isInteger(real)) fail(`is not a whole number in ${range}`)
  const value = Math.round(real / scale) + zero + 0
  if (value >= low && value <= high) return [value, false]
  if (whole) fail(`lies outside ${range}: it has no meaning`)
  if (!clamp)
    fail(`lies outside the calibrated range ${range}; calibrate with samples that reach it, or clamp it (--clamp)`)
  return [Math.min(high, Math.max(low, value)), true]
}
