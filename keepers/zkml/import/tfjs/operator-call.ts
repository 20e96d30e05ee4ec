// SPDX-License-Identifier: GPL-3.0-or-later
// What an operator of a graph model works with: its attributes and its operands.
import type { GraphBuilder } from '../../graph/builder.ts'
import { CompileError, type CompileErrorCode } from '../../graph/errors.ts'
import type { Tensor, ValueName } from '../../graph/types.ts'

/** A weight of the file, or a computed value. */
export type Operand = { readonly constant: Tensor } | { readonly value: ValueName }

/** Attributes of a node, read by their kinds; those that are absent have TensorFlow's defaults. */
export type Attributes = {
  number(name: string, fallback: number): number
  text(name: string, fallback: string): string
  flag(name: string): boolean
  numbers(name: string): readonly number[]
  texts(name: string): readonly string[]
}

/** One node in its graph. */
export class OperatorCall {
  readonly builder: GraphBuilder
  readonly name: string
  readonly op: string
  readonly inputs: readonly Operand[]
  readonly attributes: Attributes

  constructor(builder: GraphBuilder, name: string, op: string, inputs: readonly Operand[], attributes: Attributes) {
    this.builder = builder
    this.name = name
    this.op = op
    this.inputs = inputs
    this.attributes = attributes
  }

  value(index: number): ValueName {
    const operand = this.inputs[index]
    if (operand === undefined) return this.fail('malformed-file', `input ${index} is missing`)
    return 'value' in operand
      ? operand.value
      : this.fail('unsupported-attribute', `input ${index} is a constant where the network must compute it`)
  }

  constant(index: number, what: string): Tensor {
    const operand = this.inputs[index]
    if (operand === undefined) return this.fail('malformed-file', `its ${what} are missing`)
    return 'constant' in operand
      ? operand.constant
      : this.fail('unsupported-attribute', `its ${what} must be constants, but the network computes them`)
  }

  integers(index: number, what: string): number[] {
    const list = Array.from(this.constant(index, what).data)
    if (!list.every(Number.isInteger)) this.fail('malformed-file', `its ${what} [${list}] must be whole numbers`)
    return list
  }

  shape(index = 0): readonly number[] {
    return this.builder.shape(this.value(index))
  }

  axis(axis: number, rank: number): number {
    const positive = axis < 0 ? axis + rank : axis
    if (!(positive >= 0 && positive < rank)) this.fail('malformed-file', `axis ${axis} of ${rank}`)
    return positive
  }

  fail(code: CompileErrorCode, message: string): never {
    throw new CompileError(code, `${this.op} ${this.name}: ${message}`, { layer: this.name, operator: this.op })
  }
}
