// SPDX-License-Identifier: GPL-3.0-or-later
// Checks that the layers of a program fit together: their inputs, the lengths of their lists, the positions that they name.
import { CompileError } from './errors.ts'
import { elementCount, type IntegerProgram } from './program.ts'

/** Every layer must read an earlier one's output, and parameter lists must have the lengths that their shapes imply. */
export function requireLinked(value: IntegerProgram): void {
  const shapes = new Map(value.tensors.map((each) => [each.id, each.shape]))
  const written = new Set([value.input.tensor])
  // Parameters are stored under the name of their layer, so two layers with one name would share one's parameters.
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
