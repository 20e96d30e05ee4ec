// SPDX-License-Identifier: GPL-3.0-or-later
// The context of a layer's writer: the output that it writes to, and its questions about the rest of the network.

import type { TensorId } from '../../graph/layers.ts'
import type { Bounds } from '../../graph/program.ts'
import type { CircomText } from './text.ts'

export type LayerContext = {
  readonly constants: CircomText
  readonly body: CircomText
  /** Files of circuits/lib that the body uses, without `.circom`. */
  readonly gadgets: Set<string>
  readonly committed: boolean
  /** Largest tile of outputs for convolutions with private weights. */
  readonly tile: number
  size(id: TensorId): number
  bounds(id: TensorId): Bounds
  /** Name of the variable or signal that holds a tensor. */
  value(id: TensorId): string
}

/** Declares a constant list, as a function outside and a variable inside the template. */
export function declareConstant({ constants, body }: LayerContext, name: string, values: ArrayLike<number>): string {
  constants.constant(name, Array.from(values))
  body.add(`var ${name}[${values.length}] = ${name}();`)
  return name
}

/** The inputs of a layer as one flat list: the tensor itself, or a new variable with all of them in a row. */
export function concatenated(
  layer: { readonly name: string; readonly inputs: readonly TensorId[] },
  context: LayerContext,
): string {
  const [only, ...others] = layer.inputs
  if (others.length === 0) return context.value(only!)
  const { body } = context
  const name = `${layer.name}$in`
  body.add(`var ${name}[${layer.inputs.reduce((sum, id) => sum + context.size(id), 0)}];`)
  let offset = 0
  for (const id of layer.inputs) {
    const count = context.size(id)
    body.loops([['i', count]], () => body.add(`${name}[${offset} + i] = ${context.value(id)}[i];`))
    offset += count
  }
  return name
}
