// SPDX-License-Identifier: GPL-3.0-or-later
// The integer program as a JSON file: numbers as decimal lists, parsed by zod on the way in.
import { z } from 'zod'
import { CompileError } from './errors.ts'
import { elementCount, type IntegerProgram, VALUE_LIMIT } from './program.ts'

const integer = z.number().int().min(-VALUE_LIMIT).max(VALUE_LIMIT)
const count = z
  .number()
  .int()
  .min(0)
  .max(2 ** 31 - 1)
const bitWidth = z.number().int().min(1).max(53)
const integers = z.array(integer).transform((list) => Float64Array.from(list))
const indices = z
  .array(
    z
      .number()
      .int()
      .min(-1)
      .max(2 ** 31 - 1),
  )
  .transform((list) => Int32Array.from(list))
const parameter = z.object({ values: integers, bits: bitWidth, added: integer.optional() })
const pair = z.tuple([count, count])
const triple = z.tuple([count, count, count])
const base = {
  name: z.string().regex(/^[a-zA-Z][a-zA-Z0-9_]*$/),
  inputs: z.array(z.string()).min(1),
  output: z.string(),
  sources: z.array(z.string()),
}

const layer = z.discriminatedUnion('kind', [
  z.object({
    ...base,
    kind: z.literal('conv2d'),
    inShape: triple,
    outShape: triple,
    kernel: pair,
    strides: pair,
    dilations: pair,
    padding: z.object({ top: count, left: count, bottom: count, right: count }),
    groups: count,
    weights: parameter,
    bias: parameter,
  }),
  z.object({
    ...base,
    kind: z.literal('dense'),
    inputSize: count,
    outputSize: count,
    weights: parameter,
    bias: parameter,
  }),
  z.object({ ...base, kind: z.literal('sparse'), offsets: indices, indices, coefficients: integers, bias: integers }),
  z.object({ ...base, kind: z.literal('scale'), scale: parameter, bias: parameter }),
  z.object({ ...base, kind: z.literal('select'), map: indices, fill: integer }),
  z.object({
    ...base,
    kind: z.literal('rescale'),
    shift: count,
    bits: bitWidth,
    unsigned: z.boolean(),
    held: z.literal(true).optional(),
    activation: z.discriminatedUnion('kind', [
      z.object({ kind: z.literal('identity') }),
      z.object({ kind: z.literal('relu') }),
      z.object({ kind: z.literal('leaky'), numerator: integer, log2Denominator: count }),
    ]),
  }),
  z.object({ ...base, kind: z.literal('maxpool'), windows: z.array(indices), bits: bitWidth }),
  z.object({ ...base, kind: z.literal('multiply') }),
  z.object({
    ...base,
    kind: z.literal('piecewise'),
    breakpoints: z.array(integer),
    slopes: z.array(integer),
    intercepts: z.array(integer),
    bits: bitWidth,
  }),
  z.object({
    ...base,
    kind: z.literal('spline'),
    low: integer,
    bits: bitWidth,
    shift: count,
    select: z.number().int().min(1).max(8),
    slopes: z.array(integer),
    intercepts: z.array(integer),
    tails: z.object({ width: bitWidth, below: integer.nullable(), above: integer.nullable() }).optional(),
  }),
  z.object({ ...base, kind: z.literal('lookup'), rows: count, width: count, table: parameter }),
  z.object({ ...base, kind: z.literal('bits'), width: z.number().int().min(1).max(24) }),
  z.object({
    ...base,
    kind: z.literal('compare'),
    positions: indices,
    relation: z.enum(['at-least', 'equal']),
    thresholds: parameter,
    fixed: z.boolean(),
    bits: bitWidth,
  }),
  z.object({ ...base, kind: z.literal('argmax'), windows: z.array(indices), bits: bitWidth }),
  z.object({ ...base, kind: z.literal('paths'), parents: indices, leaves: indices }),
])

/** Runs of input elements; see InputPiece. */
export const inputPieces = z
  .array(
    z.object({
      count,
      scale: z.number().positive(),
      zero: integer,
      low: integer,
      high: integer,
      whole: z.boolean(),
    }),
  )
  .optional()

/** Several inputs or outputs in a row. */
const parts = z
  .array(z.object({ name: z.string(), count: count.min(1) }))
  .min(2)
  .refine((list) => new Set(list.map(({ name }) => name)).size === list.length, 'two parts have one name')
  .optional()

const program = z.object({
  format: z.literal('cohort-zkml-program'),
  version: z.literal(1),
  name: z.string(),
  mode: z.enum(['released', 'committed']),
  input: z.object({ tensor: z.string(), bits: bitWidth, min: integer, pieces: inputPieces, parts }),
  scores: z.string(),
  outputs: parts,
  output: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('label') }),
    z.object({ kind: z.literal('logits-commitment') }),
    z.object({ kind: z.literal('score'), index: count, threshold: integer }),
    z.object({ kind: z.literal('margin') }),
    z.object({ kind: z.literal('value') }),
  ]),
  tensors: z.array(
    z.object({
      id: z.string(),
      shape: z.array(count),
      bounds: z.object({ min: integer, max: integer }),
      scale: z.number().positive(),
    }),
  ),
  layers: z.array(layer),
  notes: z.array(z.string()),
  architecture: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .optional(),
})

/** One line of JSON, the same bytes for the same program. */
export function programToJson(value: IntegerProgram): string {
  return `${JSON.stringify(value, (_, part: unknown) =>
    part instanceof Float64Array || part instanceof Int32Array ? Array.from(part) : part,
  )}\n`
}

/**
 * Reads a program file. @throws CompileError malformed-file naming the field. Only the form is checked here: whether the
 * bounds hold is a separate question, answered by `verifyBounds`.
 */
export function programFromJson(text: string): IntegerProgram {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (error) {
    throw new CompileError('malformed-file', `the program is not JSON: ${(error as Error).message}`)
  }
  const parsed = program.safeParse(json)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    throw new CompileError('malformed-file', `program field ${issue!.path.join('.') || '(root)'}: ${issue!.message}`)
  }
  requireLinked(parsed.data)
  return parsed.data
}

/** Every layer must read an earlier one's output, and parameter lists must have the lengths that their shapes imply. */
function requireLinked(value: IntegerProgram): void {
  const shapes = new Map(value.tensors.map((each) => [each.id, each.shape]))
  const written = new Set([value.input.tensor])
  // Parameters go by the name of their layer: of two with one name, both would have those of one.
  const names = new Set<string>()
  const { pieces } = value.input
  const wanted = elementCount(shapes.get(value.input.tensor) ?? [])
  if (pieces !== undefined && pieces.reduce((sum, piece) => sum + piece.count, 0) !== wanted)
    throw new CompileError('malformed-file', `the pieces of the input do not add up to its ${wanted} elements`)
  for (const each of value.layers) {
    if (names.has(each.name)) throw new CompileError('malformed-file', `two layers have the name ${each.name}`)
    names.add(each.name)
    for (const id of each.inputs)
      if (!written.has(id) || !shapes.has(id))
        throw new CompileError('malformed-file', `layer ${each.name} reads ${id}, which no earlier layer writes`)
    if (written.has(each.output) || !shapes.has(each.output))
      throw new CompileError('malformed-file', `layer ${each.name} writes ${each.output}, unknown or written before`)
    written.add(each.output)
    const sizes = each.inputs.map((id) => elementCount(shapes.get(id)!))
    const outputs = elementCount(shapes.get(each.output)!)
    const wrong = wrongLength(each, sizes, outputs) ?? wrongIndex(each, sizes)
    if (wrong !== null) throw new CompileError('malformed-file', `layer ${each.name}: ${wrong}`, { layer: each.name })
  }
  if (!written.has(value.scores)) throw new CompileError('malformed-file', `no layer writes the scores ${value.scores}`)
  for (const [what, list, id] of [
    ['inputs', value.input.parts, value.input.tensor],
    ['outputs', value.outputs, value.scores],
  ] as const) {
    const size = elementCount(shapes.get(id) ?? [])
    if (list !== undefined && list.reduce((sum, { count: each }) => sum + each, 0) !== size)
      throw new CompileError('malformed-file', `the ${what} do not add up to ${size} elements`)
  }
}

type Layer = IntegerProgram['layers'][number]

function differ(what: string, found: number, wanted: number): string | null {
  return found === wanted ? null : `${what} has ${found} entries where ${wanted} are needed`
}

/** The error in the lengths of a layer's lists and shapes; null when they fit its inputs and its output. */
function wrongLength(each: Layer, sizes: readonly number[], outputs: number): string | null {
  const input = sizes[0]!
  switch (each.kind) {
    case 'conv2d': {
      const [, , cout] = each.outShape
      const taps = each.kernel[0] * each.kernel[1] * Math.floor(each.inShape[2] / each.groups) * cout
      return (
        differ('inShape', elementCount(each.inShape), input) ??
        differ('outShape', elementCount(each.outShape), outputs) ??
        differ('weights', each.weights.values.length, taps) ??
        differ('bias', each.bias.values.length, cout)
      )
    }
    case 'dense':
      return (
        differ('inputSize', each.inputSize, input) ??
        differ('outputSize', each.outputSize, outputs) ??
        differ('weights', each.weights.values.length, each.inputSize * each.outputSize) ??
        differ('bias', each.bias.values.length, each.outputSize)
      )
    case 'sparse':
      return (
        differ('offsets', each.offsets.length, outputs + 1) ??
        differ('coefficients', each.coefficients.length, each.indices.length) ??
        differ('bias', each.bias.length, outputs)
      )
    case 'scale':
      return differ('input', input, outputs) ?? differ('bias', each.bias.values.length, each.scale.values.length)
    case 'select':
      return differ('map', each.map.length, outputs)
    case 'maxpool':
    case 'argmax':
      return differ('windows', each.windows.length, outputs)
    case 'rescale':
      return differ('input', input, outputs)
    case 'multiply':
      return differ('inputs', sizes.length, 2) ?? differ('input', input, outputs) ?? differ('input', sizes[1]!, outputs)
    case 'piecewise':
      return (
        differ('input', input, outputs) ??
        differ('slopes', each.slopes.length, each.breakpoints.length + 1) ??
        differ('intercepts', each.intercepts.length, each.breakpoints.length + 1)
      )
    case 'spline':
      return (
        differ('input', input, outputs) ??
        differ('slopes', each.slopes.length, 2 ** each.select) ??
        differ('intercepts', each.intercepts.length, 2 ** each.select)
      )
    case 'bits':
      return differ('output', outputs, input * each.width)
    case 'compare':
      return (
        differ('positions', each.positions.length, outputs) ??
        differ('thresholds', each.thresholds.values.length, outputs)
      )
    case 'paths':
      return differ('parents', each.parents.length, input) ?? differ('leaves', each.leaves.length, outputs)
    case 'lookup':
      return (
        differ('output', outputs, input * each.width) ??
        differ('table', each.table.values.length, each.rows * each.width)
      )
  }
}

/** The error in the positions that a layer reads; null when all of them exist. */
function wrongIndex(each: Layer, sizes: readonly number[]): string | null {
  const total = sizes.reduce((sum, size) => sum + size, 0)
  if (each.kind === 'sparse') {
    const ascending = each.offsets.every((at, i) => at >= (each.offsets[i - 1] ?? 0))
    if (!ascending || each.offsets[0] !== 0 || each.offsets.at(-1) !== each.indices.length)
      return 'offsets do not run from 0 to the number of indices'
    return each.indices.every((i) => i >= 0 && i < total) ? null : `an index lies outside its ${total} inputs`
  }
  if (each.kind === 'select')
    return each.map.every((i) => i < total) ? null : `a position lies outside its ${total} inputs`
  if (
    each.kind === 'argmax' &&
    each.windows.some((window) => window.length < 2 || window.length !== each.windows[0]!.length)
  )
    return 'windows of unequal length, or of fewer than 2 elements'
  if (each.kind === 'maxpool' || each.kind === 'argmax') {
    const inside = each.windows.every((window) => window.length > 0 && window.every((i) => i >= 0 && i < total))
    return inside ? null : `a window is empty or reaches outside its ${total} inputs`
  }
  if (each.kind === 'compare')
    return each.positions.every((i) => i >= 0 && i < total) ? null : `a position lies outside its ${total} inputs`
  if (each.kind === 'paths') {
    const ascending = each.parents.every((from, n) => from < 2 * n)
    return ascending && each.leaves.every((from) => from >= 0 && from < 2 * total)
      ? null
      : 'a node or a leaf hangs below none that comes before it'
  }
  if (each.kind === 'conv2d') {
    const positive = [...each.kernel, ...each.strides, ...each.dilations, each.groups].every((value) => value >= 1)
    const divides = each.inShape[2] % each.groups === 0 && each.outShape[2] % each.groups === 0
    return positive && divides ? null : 'kernel, strides, dilations or groups do not fit its channels'
  }
  if (each.kind === 'scale') return each.scale.values.length > 0 ? null : 'scale is empty'
  if (each.kind === 'spline') {
    const width = each.tails?.width ?? each.bits
    const fits = each.shift + each.select < width && width <= each.bits - (each.tails === undefined ? 0 : 1)
    return fits ? null : `${width} of ${each.bits} bits leave none beside its shift and select`
  }
  return each.kind === 'rescale' && each.shift >= each.bits ? `shift ${each.shift} of only ${each.bits} bits` : null
}
