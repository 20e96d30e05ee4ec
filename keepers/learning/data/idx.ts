// SPDX-License-Identifier: GPL-3.0-or-later
// The IDX format of MNIST and its relatives (http://yann.lecun.com/exdb/mnist/): magic 0x0000 TT NN, NN big-endian sizes, data.
import { gunzipSync } from 'node:zlib'
import { LearningError } from '../errors.ts'
import type { Dataset, DatasetOrigin } from '../types.ts'
import { createDataset } from './dataset.ts'

/** Only unsigned bytes (type 0x08): every published image set of this family uses them. */
export type IdxArray = { readonly dimensions: readonly number[]; readonly values: Uint8Array }

const UNSIGNED_BYTE = 0x08
const LARGEST = 1 << 30

/** Undoes gzip when the bytes are gzipped. Throws BAD_DATA on a damaged or oversized stream. */
export function inflate(bytes: Uint8Array, name: string): Uint8Array {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes
  try {
    return gunzipSync(bytes, { maxOutputLength: LARGEST })
  } catch (cause) {
    throw new LearningError('BAD_DATA', `${name}: damaged gzip stream; fetch the file again`, { cause })
  }
}

/** Parses one IDX file (gzipped or not). Throws BAD_DATA with the file, the value found and the one expected. */
export function parseIdx(raw: Uint8Array, name: string): IdxArray {
  const bytes = inflate(raw, name)
  const refuse = (message: string) => new LearningError('BAD_DATA', `${name}: ${message}`)
  if (bytes.length < 4) throw refuse(`${bytes.length} bytes are too few for an IDX header`)
  if (bytes[0] !== 0 || bytes[1] !== 0) {
    const magic = [...bytes.subarray(0, 4)].map((byte) => byte.toString(16).padStart(2, '0')).join('')
    throw refuse(`magic 0x${magic} is not IDX (0x0000…)`)
  }
  if (bytes[2] !== UNSIGNED_BYTE) {
    throw refuse(`element type 0x${bytes[2]!.toString(16).padStart(2, '0')}; only unsigned bytes (0x08) are supported`)
  }
  const rank = bytes[3]!
  if (rank < 1 || rank > 4) throw refuse(`${rank} dimensions; expected 1 to 4`)
  const start = 4 + 4 * rank
  if (bytes.length < start) throw refuse(`the header of ${rank} dimensions is truncated at ${bytes.length} bytes`)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const dimensions = Array.from({ length: rank }, (_, i) => view.getUint32(4 + 4 * i))
  const expected = dimensions.reduce((a, b) => a * b, 1)
  if (bytes.length - start !== expected) {
    throw refuse(`${bytes.length - start} bytes of data, but ${dimensions.join('×')} needs ${expected}`)
  }
  return { dimensions, values: bytes.subarray(start) }
}

/** Images and labels of one IDX pair. Throws BAD_DATA when they do not belong together. */
export function datasetFromIdx(
  images: { name: string; bytes: Uint8Array },
  labels: { name: string; bytes: Uint8Array },
  options: { name: string; origin?: DatasetOrigin; classes?: number },
): Dataset {
  const pixels = parseIdx(images.bytes, images.name)
  const answers = parseIdx(labels.bytes, labels.name)
  if (pixels.dimensions.length < 3) {
    throw new LearningError('BAD_DATA', `${images.name}: ${pixels.dimensions.length} dimensions; images need 3 or 4`)
  }
  if (answers.dimensions.length !== 1) {
    throw new LearningError('BAD_DATA', `${labels.name}: ${answers.dimensions.length} dimensions; labels need 1`)
  }
  const [count, height, width, channels = 1] = pixels.dimensions as [number, number, number, number?]
  if (count !== answers.dimensions[0]) {
    throw new LearningError(
      'BAD_DATA',
      `${images.name} holds ${count} images but ${labels.name} holds ${answers.dimensions[0]} labels`,
    )
  }
  if (count === 0) throw new LearningError('BAD_DATA', `${images.name}: no images`)
  const classes = options.classes ?? Math.max(2, 1 + answers.values.reduce((a, b) => Math.max(a, b), 0))
  return createDataset({
    name: options.name,
    origin: options.origin ?? 'idx',
    inputShape: [height, width, channels],
    classes,
    inputs: pixels.values,
    labels: answers.values,
  })
}
