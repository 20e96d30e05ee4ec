// SPDX-License-Identifier: GPL-3.0-or-later
// What an operator handler works with: its node's attributes, its operands (constants or values), and the graph so far.
import type { GraphBuilder } from '../../graph/builder.ts'
import { CompileError } from '../../graph/errors.ts'
import { scalar } from '../../graph/tensor.ts'
import type { Tensor, ValueName } from '../../graph/types.ts'
import type { NodeProto } from './schema.ts'
import { readTensor } from './tensors.ts'

/** An operand that is known now, or one that the network computes. */
export type Operand = { readonly constant: Tensor } | { readonly value: ValueName }

/** The model being imported: what each ONNX name stands for. Values keep their full ONNX shape, with batch 1. */
export class Scope {
  readonly builder: GraphBuilder
  readonly opset: number
  readonly operands: Map<string, Operand>

  constructor(builder: GraphBuilder, opset: number, operands: Map<string, Operand>) {
    this.builder = builder
    this.opset = opset
    this.operands = operands
  }
}

/** One ONNX node in its scope. */
export class Invocation {
  readonly scope: Scope
  readonly node: NodeProto
  readonly name: string

  constructor(scope: Scope, node: NodeProto, name: string) {
    this.scope = scope
    this.node = node
    this.name = name
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

  constant(index: number, what: string): Tensor {
    const operand = this.operand(index)
    if ('constant' in operand) return operand.constant
    return this.fail('unsupported-attribute', `its ${what} must be a constant, but the network computes it`)
  }

  /** Whole numbers of a constant input. */
  integers(index: number, what: string): number[] {
    return Array.from(this.constant(index, what).data)
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

  int(name: string, fallback: number): number {
    return this.attribute(name)?.i ?? fallback
  }

  float(name: string, fallback: number): number {
    return this.attribute(name)?.f ?? fallback
  }

  string(name: string, fallback: string): string {
    return this.attribute(name)?.s ?? fallback
  }

  ints(name: string): number[] | null {
    const attribute = this.attribute(name)
    return attribute === undefined ? null : attribute.ints
  }

  tensorAttribute(name: string): Tensor | null {
    const proto = this.attribute(name)?.t
    return proto === undefined ? null : readTensor(proto, `${this.name}.${name}`)
  }

  hasAttribute(name: string): boolean {
    return this.attribute(name) !== undefined
  }

  /** A list that older opsets keep in an attribute and newer ones in a constant input; null when in neither. */
  listOf(attribute: string, input: number): number[] | null {
    if (this.has(input)) return this.integers(input, attribute)
    return this.ints(attribute)
  }

  fail(
    code: 'malformed-file' | 'missing-part' | 'unsupported-attribute' | 'unsupported-operator' | 'dynamic-shape',
    message: string,
  ): never {
    throw new CompileError(code, `${this.node.opType} ${this.name}: ${message}`, {
      layer: this.name,
      operator: this.node.opType,
    })
  }

  private attribute(name: string) {
    return this.node.attribute.find((each) => each.name === name)
  }
}

/** Turns a node into graph nodes; returns one operand for each output that the node has. */
export type Handler = (call: Invocation) => Operand[]

export function values(...names: ValueName[]): Operand[] {
  return names.map((value) => ({ value }))
}
