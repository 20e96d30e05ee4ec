// SPDX-License-Identifier: GPL-3.0-or-later
// Small ONNX files by the nodes that make them, and what becomes of them.
import { CompileError, type CompileErrorCode, evaluate, importOnnx } from '../../../../keepers/zkml/index.ts'
import { type Constant, type Model, type Node, onnxFile } from './onnx-file.ts'

export type Part = Node | Omit<Node, 'outputs'>

/** A chain over x of four numbers; the last node computes y. */
export function chain(
  nodes: readonly Part[],
  constants: Record<string, Constant> = {},
  more: Partial<Model> = {},
): Uint8Array {
  return onnxFile({
    opset: 17,
    input: { name: 'x', shape: [1, 4] },
    output: 'y',
    nodes: nodes.map((node, i) => ({ outputs: [i === nodes.length - 1 ? 'y' : `t${i}`], ...node })),
    constants,
    ...more,
  })
}

export const int64 = (...data: number[]): Constant => ({ shape: [data.length], data, type: 'int64' })
export const number = (value: number, type: Constant['type'] = 'float'): Constant => ({
  shape: [],
  data: [value],
  type,
})
export const list = (...data: number[]): Constant => ({ shape: [data.length], data })

export function refusal(file: Uint8Array): { code: CompileErrorCode; message: string } {
  try {
    importOnnx(file)
  } catch (error) {
    if (error instanceof CompileError) return error
    throw error
  }
  throw new Error('the file was imported')
}

export const run = (file: Uint8Array, input: readonly number[]): number[] =>
  Array.from(evaluate(importOnnx(file), input).data)
