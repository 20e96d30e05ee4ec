// SPDX-License-Identifier: GPL-3.0-or-later
// tfjs weight files: a manifest of groups, each laid end to end over its shards; float32 or quantised to 8 or 16 bits.
import { z } from 'zod'
import { CompileError } from '../../graph/errors.ts'
import { checkedCount, tensor } from '../../graph/tensor.ts'
import type { Tensor } from '../../graph/types.ts'
import { halfToNumber } from '../half.ts'

const dimension = z.number().int().min(0)
/** One weight: its name, shape, type, and how it was quantised for the file. */
export const weightSpec = z.object({
  name: z.string().min(1),
  shape: z.array(dimension),
  dtype: z.enum(['float32', 'int32', 'bool']),
  quantization: z
    .discriminatedUnion('dtype', [
      z.object({ dtype: z.enum(['uint8', 'uint16']), scale: z.number(), min: z.number() }),
      z.object({ dtype: z.literal('float16') }),
    ])
    .optional(),
})
export type WeightSpec = z.output<typeof weightSpec>

export const weightsManifest = z.array(z.object({ paths: z.array(z.string().min(1)), weights: z.array(weightSpec) }))
export type WeightsManifest = z.output<typeof weightsManifest>

type Element = { readonly size: number; readonly read: (view: DataView, at: number) => number }

const ELEMENTS: Readonly<Record<string, Element>> = {
  float32: { size: 4, read: (view, at) => view.getFloat32(at, true) },
  int32: { size: 4, read: (view, at) => view.getInt32(at, true) },
  bool: { size: 1, read: (view, at) => view.getUint8(at) },
  uint8: { size: 1, read: (view, at) => view.getUint8(at) },
  uint16: { size: 2, read: (view, at) => view.getUint16(at, true) },
  float16: { size: 2, read: (view, at) => halfToNumber(view.getUint16(at, true)) },
}

/**
 * All weights of a manifest. `shard` gives the bytes of a path, or undefined when there is no such file.
 * @throws CompileError missing-part naming the shard, malformed-file when lengths do not add up.
 */
export function readManifest(
  manifest: WeightsManifest,
  shard: (path: string) => Uint8Array | undefined,
): Map<string, Tensor> {
  const weights = new Map<string, Tensor>()
  for (const group of manifest) {
    const parts = group.paths.map((path) => {
      const bytes = shard(path)
      if (bytes === undefined)
        throw new CompileError(
          'missing-part',
          `weight shard ${path} is missing; put it into the folder of model.json`,
          {
            file: path,
          },
        )
      return bytes
    })
    for (const [name, value] of readWeights(group.weights, joined(parts), group.paths.join(', '))) {
      if (weights.has(name))
        throw new CompileError('malformed-file', `two weights of the manifest are named ${name}`, { layer: name })
      weights.set(name, value)
    }
  }
  return weights
}

/** Shards end to end; a single one as it is. */
function joined(parts: readonly Uint8Array[]): Uint8Array {
  if (parts.length === 1) return parts[0]!
  const bytes = new Uint8Array(parts.reduce((total, part) => total + part.length, 0))
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}

/** Weights laid end to end in one buffer. @throws CompileError malformed-file when its length is not the sum of theirs. */
export function readWeights(specs: readonly WeightSpec[], bytes: Uint8Array, file: string): Map<string, Tensor> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const weights = new Map<string, Tensor>()
  let at = 0
  for (const spec of specs) {
    const { quantization } = spec
    const element = ELEMENTS[quantization?.dtype ?? spec.dtype]!
    const count = checkedCount(spec.shape, `weight ${spec.name}`)
    if (weights.has(spec.name))
      throw new CompileError('malformed-file', `${file}: two weights are named ${spec.name}`, { file })
    const end = at + count * element.size
    if (end > bytes.length)
      throw new CompileError(
        'malformed-file',
        `${file}: weight ${spec.name} of shape [${spec.shape}] needs bytes ${at} to ${end}, found ${bytes.length}`,
        { file },
      )
    const values = new Float64Array(count)
    for (let i = 0; i < count; i++) {
      const raw = element.read(view, at + i * element.size)
      values[i] =
        quantization !== undefined && 'scale' in quantization ? raw * quantization.scale + quantization.min : raw
    }
    weights.set(spec.name, tensor(spec.shape, values))
    at = end
  }
  if (at !== bytes.length)
    throw new CompileError('malformed-file', `${file}: ${bytes.length} bytes where its weights need ${at}`, { file })
  return weights
}
