// SPDX-License-Identifier: GPL-3.0-or-later
// The inputs of a file: one as it is, several as one list of all their elements.
import type { GraphBuilder } from '../../graph/builder.ts'
import { CompileError } from '../../graph/errors.ts'
import { elementCount } from '../../graph/program.ts'
import { identityMap } from '../../graph/tensor.ts'
import type { Computed } from './operand.ts'
import type { ModelProto, ValueInfo } from './schema.ts'
import { type DataType, isFloat, isKnownType, typeName } from './types.ts'

export type Input = { readonly name: string; readonly type: DataType; readonly shape: readonly number[] }

/** The inputs that are not initialisers. @throws CompileError naming input and dimension */
export function readInputs(
  { graph }: ModelProto,
  constants: ReadonlySet<string>,
  given: Readonly<Record<string, number>>,
): Input[] {
  const inputs: Input[] = graph.input
    .filter(({ name }) => !constants.has(name))
    .map((info) => ({ name: info.name, type: inputType(info), shape: inputShape(info, given) }))
  const [first] = inputs
  if (first === undefined) throw new CompileError('wrong-input', 'the model has no input')
  const other = inputs.find(({ type }) => isFloat(type) !== isFloat(first.type))
  if (other !== undefined)
    throw new CompileError(
      'unsupported-attribute',
      `input ${first.name} is of ${typeName(first.type)}, input ${other.name} of ${typeName(other.type)}; whole and real numbers in one model are not supported`,
    )
  return inputs
}

/** Shape of the graph's one input: without a batch of 1, flat where there are several. */
export function shapeOfAll(inputs: readonly Input[]): readonly number[] {
  const [only, ...others] = inputs as [Input, ...Input[]]
  if (others.length > 0) return [inputs.reduce((sum, { shape }) => sum + elementCount(shape), 0)]
  return only.shape.length > 1 && only.shape[0] === 1 ? only.shape.slice(1) : only.shape
}

/** Each input as a value with its own shape. */
export function placeInputs(builder: GraphBuilder, inputs: readonly Input[]): [string, Computed][] {
  if (inputs.length > 1)
    builder.note(
      `the input is ${inputs.map(({ name, shape }) => `${name} [${shape}]`).join(', ')}, one after the other in a flat list`,
    )
  let start = 0
  return inputs.map(({ name, type, shape }) => {
    const map = identityMap(elementCount(shape)).map((i) => start + i)
    start += map.length
    const value =
      inputs.length === 1
        ? builder.reshape('batch', builder.input, shape)
        : builder.select(name, builder.input, map, shape)
    return [name, { value, type, moved: true, cast: null }]
  })
}

function inputType(info: ValueInfo): DataType {
  const type = info.type?.tensor?.elementType ?? 0
  if (type === 0) throw new CompileError('malformed-file', `input ${info.name} has no element type`)
  if (!isKnownType(type))
    throw new CompileError(
      'unsupported-attribute',
      `input ${info.name} is of ${typeName(type)}, which is not a number type`,
    )
  return type
}

/** Names that exporters give to the batch dimension. Any other name may as well be the length of a sequence. */
const BATCH_NAMES = /^(|n|b|bs|bsz|none|\?|unk__\d+|.*batch.*)$/i

/** A symbolic first dimension of that kind is a batch of 1; every other one must be said. */
function inputShape(info: ValueInfo, given: Readonly<Record<string, number>>): number[] {
  const dimensions = info.type?.tensor?.shape?.dim
  if (dimensions === undefined)
    throw new CompileError('dynamic-shape', `input ${info.name} has no shape; export with fixed dimensions`)
  return dimensions.map((dimension, axis) => {
    const { value, parameter = '' } = dimension
    const fail = (message: string): never => {
      throw new CompileError('dynamic-shape', `input ${info.name}: dimension ${axis} ${message}`)
    }
    if (value !== undefined && value >= 1) return value
    if (value === 0) fail('is 0: it has no elements; export with a fixed number of at least 1')
    if (value !== undefined && (value !== -1 || axis !== 0)) fail(`is ${value}; export with a fixed number`)
    if (Object.hasOwn(given, parameter)) return given[parameter]!
    const shown = parameter === '' ? 'unknown' : parameter
    if (axis !== 0)
      fail(`is ${shown}; only the batch may vary: say its length (--dim ${shown}=N), or export with a fixed number`)
    if (dimensions.length === 1 || !BATCH_NAMES.test(parameter))
      fail(
        `is ${shown}, which need not be a batch: say its length (--dim ${shown}=N; 1 if it is one), or export with a fixed number`,
      )
    return 1
  })
}
