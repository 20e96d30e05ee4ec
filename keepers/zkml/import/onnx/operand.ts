// SPDX-License-Identifier: GPL-3.0-or-later
// The operands and results of a file's nodes: constants, and values that the network computes.
import type { SoftmaxKind, Tensor, ValueName } from '../../graph/types.ts'
import type { Constant } from './tensors.ts'
import { type DataType, TYPE } from './types.ts'

/** A value that the network computes, with its element type in ONNX. Values keep their full shape, with batch 1. */
export type Computed = {
  readonly value: ValueName
  readonly type: DataType
  /** Whether this is the network's input, at most moved: only such a value may index a table. */
  readonly moved: boolean
  /** Of a class: it is the index of the largest of `scores`, and stands for one of `classes`. */
  readonly label?: Label | undefined
  /** Whole numbers that the circuit holds exactly: between which each lies, whatever the input. */
  readonly bounds?: Bounds | undefined
  /** The node whose cast from a floating-point to an integer type is still open: only a table may read the result, as its index. */
  readonly cast: string | null
  /** 1 where the element stands for −∞ (an attention mask), in the shape of the value; only a Softmax may read it. */
  readonly masked?: Constant | undefined
}

/** The least and the most that each element can be, row-major. */
export type Bounds = { readonly least: Float64Array; readonly most: Float64Array }

export type Label = { readonly scores: ValueName; readonly classes: readonly (string | number)[] }

/** An operand that is known now, or one that the network computes. */
export type Operand = { readonly constant: Constant } | Computed

/** A handler's result. A type that it omits is the one of the operator's schema. */
export type Result =
  | { readonly constant: Tensor; readonly type?: DataType }
  | (Partial<Computed> & {
      value: ValueName
      /** Set where the operator's last step, which does not change the order, was left out. */
      readonly dropped?: SoftmaxKind
    })

/** A constant operand. */
export function constantOf(type: DataType, shape: readonly number[], data: ArrayLike<number>): Operand {
  return { constant: { type, shape, data: Float64Array.from(data) } }
}

/** Whole numbers as an operand: axes, shapes, bounds. */
export function integersOf(...data: number[]): Operand {
  return constantOf(TYPE.int64, [data.length], data)
}

/** An operand as a handler's result. */
export function resultOf(operand: Operand): Result {
  return 'constant' in operand ? { constant: operand.constant, type: operand.constant.type } : operand
}

export function values(...names: ValueName[]): Result[] {
  return names.map((value) => ({ value }))
}
