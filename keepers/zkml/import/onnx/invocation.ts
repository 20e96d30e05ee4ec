// SPDX-License-Identifier: GPL-3.0-or-later
// The arguments of an operator handler: its node's attributes, its operands, and the graph so far.
import type { GraphBuilder } from '../../graph/builder.ts'
import { CompileError, type CompileErrorCode } from '../../graph/errors.ts'
import { scalar, take } from '../../graph/tensor.ts'
import type { SoftmaxKind, ValueName } from '../../graph/types.ts'
import type { Operand, Result } from './operand.ts'
import type { OperatorSchema } from './operators.ts'
import type { AttributeProto, NodeProto } from './schema.ts'
import type { Scope } from './scope.ts'
import { type Constant, readTensor } from './tensors.ts'
import { isFloat, typeName } from './types.ts'

/** Turns a node into graph nodes; returns one result for each output that the node has. */
export type Handler = (call: Invocation) => Result[]

/** One ONNX node in its scope. */
export class Invocation {
  readonly scope: Scope
  readonly node: NodeProto
  readonly name: string
  readonly schema: OperatorSchema
  private readonly attributes: ReadonlyMap<string, AttributeProto>

  constructor(scope: Scope, node: NodeProto, name: string, schema: OperatorSchema) {
    this.scope = scope
    this.node = node
    this.name = name
    this.schema = schema
    this.attributes = new Map(node.attribute.map((attribute) => [attribute.name, attribute]))
  }

  get builder(): GraphBuilder {
    return this.scope.builder
  }

  /** Whether input `index` is given; ONNX leaves optional inputs out by an empty name. */
  has(index: number): boolean {
    return (this.node.input[index] ?? '') !== ''
  }

  operand(index: number): Operand {
    const name = this.node.input[index] ?? ''
    if (name === '') return this.fail('malformed-file', `input ${index} is missing`)
    const operand = this.scope.operands.get(name)
    if (operand === undefined) return this.fail('missing-part', `nothing computes its input ${name}`)
    return operand
  }

  /** All operands that are given, in order. */
  operands(): Operand[] {
    return this.node.input.flatMap((_, i) => (this.has(i) ? [this.operand(i)] : []))
  }

  constant(index: number, what: string): Constant {
    const operand = this.operand(index)
    if ('constant' in operand) return operand.constant
    return this.fail('unsupported-attribute', `its ${what} must be a constant, but the network computes it`)
  }

  /** Whole numbers of a constant input of at most one axis. */
  integers(index: number, what: string): number[] {
    const { shape, data, type } = this.constant(index, what)
    if (shape.length > 1) this.fail('malformed-file', `its ${what} must be a list, found [${shape}]`)
    const wrong = data.find((value) => !Number.isInteger(value))
    if (isFloat(type) || wrong !== undefined)
      this.fail('malformed-file', `its ${what} must be whole numbers, found ${wrong ?? data[0]} of ${typeName(type)}`)
    return Array.from(data)
  }

  /** Input `index` as a value of the graph; a constant is laid into it. */
  value(index: number): ValueName {
    return this.asValue(this.operand(index))
  }

  asValue(operand: Operand): ValueName {
    if ('value' in operand) return operand.value
    const { constant } = operand
    const zeros = new Int32Array(constant.data.length).fill(-1)
    const blank = this.builder.select(this.name, this.builder.input, zeros, constant.shape, 0)
    return this.builder.affine(this.name, blank, scalar(1), constant)
  }

  shapeOf(operand: Operand): readonly number[] {
    return 'constant' in operand ? operand.constant.shape : this.builder.shape(operand.value)
  }

  shape(index: number): readonly number[] {
    return this.shapeOf(this.operand(index))
  }

  /** The same elements of an operand at other places: a constant is moved now. */
  move(operand: Operand, map: Int32Array, shape: readonly number[], fill = 0): Result {
    if ('constant' in operand) {
      const { constant } = operand
      return { constant: take(constant, map, shape, fill), type: constant.type }
    }
    const { type, moved, cast, label } = operand
    const bounds = operand.bounds && {
      least: take({ shape: [], data: operand.bounds.least }, map, shape, fill).data,
      most: take({ shape: [], data: operand.bounds.most }, map, shape, fill).data,
    }
    return { value: this.builder.select(this.name, operand.value, map, shape, fill), type, moved, cast, label, bounds }
  }

  /** Whether anybody reads output `index`. */
  isRead(index: number): boolean {
    const name = this.node.output[index] ?? ''
    return name !== '' && (this.scope.read?.has(name) ?? true)
  }

  /** The Softmax or its like that was left out in front of input `index`. */
  droppedOf(index: number): SoftmaxKind | null {
    return this.scope.ranked.get(this.node.input[index] ?? '') ?? null
  }

  int(name: string, fallback: number): number {
    const value = this.attributes.get(name)?.i ?? fallback
    if (!Number.isSafeInteger(value)) this.fail('unsupported-attribute', `${name} = ${value}`)
    return value
  }

  /** A flag: 0 or 1. */
  flag(name: string, fallback: boolean): boolean {
    const value = this.int(name, fallback ? 1 : 0)
    if (value !== 0 && value !== 1) this.fail('malformed-file', `${name} = ${value}; 0 or 1 is needed`)
    return value === 1
  }

  /** A finite number; with `infinite`, ±∞ as well (no limit). */
  float(name: string, fallback: number, infinite = false): number {
    const value = this.attributes.get(name)?.f ?? fallback
    if (Number.isNaN(value) || (!infinite && !Number.isFinite(value)))
      this.fail('not-finite', `${name} = ${value}; a finite number is needed`)
    return value
  }

  string(name: string, fallback: string): string {
    return this.attributes.get(name)?.s ?? fallback
  }

  /** A number of any kind, NaN too; null when it is not given. */
  raw(name: string): number | null {
    return this.attributes.get(name)?.f ?? null
  }

  strings(name: string): string[] | null {
    return this.attributes.get(name)?.strings ?? null
  }

  ints(name: string): number[] | null {
    return this.attributes.get(name)?.ints ?? null
  }

  floats(name: string): number[] | null {
    return this.attributes.get(name)?.floats ?? null
  }

  tensorAttribute(name: string): Constant | null {
    const proto = this.attributes.get(name)?.t
    return proto === undefined ? null : readTensor(proto, `${this.name}.${name}`)
  }

  /** The bytes of a graph attribute. */
  graph(name: string): Uint8Array {
    return this.attributes.get(name)?.g ?? this.fail('malformed-file', `attribute ${name} is missing`)
  }

  /**
   * Another operator, in its form of the newest opset supported, on operands at hand: how operators are made of others.
   * @param inputs null where an optional one is left out
   */
  apply(opType: string, inputs: readonly (Operand | null)[], attributes: Attributes = {}, outputs = 1): Operand[] {
    const scope = this.scope.inner(this, true, { ...this.scope.opsets, standard: NEWEST })
    for (const [i, operand] of inputs.entries()) if (operand !== null) scope.operands.set(`in${i}`, operand)
    const output = Array.from({ length: outputs }, (_, i) => `out${i}`)
    const input = inputs.map((operand, i) => (operand === null ? '' : `in${i}`))
    const attribute = Object.entries(attributes).map(([name, value]) => attributeOf(name, value))
    scope.file.run(scope, [{ name: opType, opType, domain: '', overload: '', input, output, attribute }])
    return output.map((name) => scope.operands.get(name)!)
  }

  hasAttribute(name: string): boolean {
    return this.attributes.has(name)
  }

  /** A list that older opsets keep in an attribute and newer ones in a constant input; null when in neither. */
  listOf(attribute: string, input: number): number[] | null {
    if (this.has(input)) return this.integers(input, attribute)
    return this.ints(attribute)
  }

  /** `axis` counted from the front, of a tensor of that rank. */
  axis(axis: number, rank: number, what = 'axis'): number {
    const positive = axis < 0 ? axis + rank : axis
    if (!Number.isInteger(positive) || positive < 0 || positive >= rank)
      this.fail('malformed-file', `${what} ${axis} is outside a tensor of ${rank} axes`)
    return positive
  }

  /** Axes counted from the front; none may come twice. */
  axes(list: readonly number[], rank: number, what = 'axes'): number[] {
    const axes = list.map((axis) => this.axis(axis, rank, what))
    if (new Set(axes).size !== axes.length) this.fail('malformed-file', `${what} [${list}] name an axis twice`)
    return axes
  }

  /** Refuses NaN and infinity among the numbers that the network would compute with. */
  requireFinite(numbers: ArrayLike<number>, what: string): void {
    for (let i = 0; i < numbers.length; i++)
      if (!Number.isFinite(numbers[i]))
        this.fail('not-finite', `its ${what} holds ${numbers[i]} at position ${i}; retrain or export the model again`)
  }

  fail(code: CompileErrorCode, message: string): never {
    throw new CompileError(code, `${this.node.opType} ${this.name}: ${message}`, {
      layer: this.name,
      operator: this.node.opType,
    })
  }
}

/** Attributes of a node that is made here; a number is an INT. */
export type Attributes = Readonly<Record<string, number | string | readonly number[] | { readonly float: number }>>

/** `apply` uses the operators as this opset defines them. */
const NEWEST = 23

function attributeOf(name: string, value: Attributes[string]): AttributeProto {
  const blank = { name, floats: [], ints: [], strings: [], reference: '', graphs: [] }
  if (typeof value === 'number') return { ...blank, type: 2, i: value }
  if (typeof value === 'string') return { ...blank, type: 3, s: value }
  if ('float' in value) return { ...blank, type: 1, f: value.float }
  return { ...blank, type: 7, ints: [...value] }
}
