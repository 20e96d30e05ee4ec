// SPDX-License-Identifier: GPL-3.0-or-later
// A network of bits, adapted to read bytes: the computation of a proof over signed text.
import { GraphBuilder } from './builder.ts'
import { CompileError } from './errors.ts'
import { elementCount } from './program.ts'
import { type Graph, type GraphNode, nodeInputs } from './types.ts'

const BYTE_BITS = 8

export type ByteReading = {
  /** Bytes of the whole input. */
  readonly bytes: number
  /** Bytes at its start that are committed to like the others, and that the network does not see. */
  readonly skip: number
  /** Which bits of a byte the network sees, lowest first: each 0 … 7, in the order of its features. */
  readonly bits: readonly number[]
}

/**
 * `network`, which takes bits.length features of bytes − skip characters, as a graph that takes bytes.
 * @throws CompileError shape-mismatch when the network's input has another number of elements
 */
export function readingBytes(network: Graph, { bytes, skip, bits }: ByteReading): Graph {
  const { name, input } = network
  const characters = bytes - skip
  const wanted = characters * bits.length
  if (elementCount(input.shape) !== wanted)
    throw new CompileError(
      'shape-mismatch',
      `${name} takes ${elementCount(input.shape)} inputs; ${bits.length} bits of ${characters} bytes are ${wanted}`,
    )
  if (bits.some((bit) => !Number.isInteger(bit) || bit < 0 || bit >= BYTE_BITS))
    throw new CompileError('invalid-option', `bits [${bits}] of a byte are numbered 0 to ${BYTE_BITS - 1}`)
  const builder = new GraphBuilder(name, 'bytes', [bytes])
  const text = builder.slice('text', builder.input, [skip], [1], [characters])
  const apart = builder.unary('bits', text, { op: 'bits', width: BYTE_BITS })
  const map = Int32Array.from({ length: wanted }, (_, i) => {
    return Math.floor(i / bits.length) * BYTE_BITS + bits[i % bits.length]!
  })
  const values = new Map([[input.name, builder.select('features', apart, map, input.shape)]])
  for (const note of network.notes) builder.note(note)
  for (const node of network.nodes) {
    const inputs = nodeInputs(node).map((value) => values.get(value)!)
    const moved = 'inputs' in node ? { ...node, inputs } : { ...node, input: inputs[0]! }
    values.set(node.output, builder.push({ ...moved, output: `network.${node.output}` } as GraphNode))
  }
  const built = builder.build(values.get(network.output)!)
  return network.dropped === undefined ? built : { ...built, dropped: network.dropped }
}
