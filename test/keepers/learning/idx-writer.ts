// SPDX-License-Identifier: GPL-3.0-or-later
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { DatasetPair } from '../../../keepers/learning/index.ts'

/** One IDX file of unsigned bytes. */
export function idx(dimensions: number[], values: ArrayLike<number>): Uint8Array {
  const header = Buffer.alloc(4 + 4 * dimensions.length)
  header.set([0, 0, 8, dimensions.length])
  for (const [i, size] of dimensions.entries()) header.writeUInt32BE(size, 4 + 4 * i)
  return new Uint8Array(Buffer.concat([header, Buffer.from(Uint8Array.from(values))]))
}

/** A pair of byte datasets as the four files of MNIST. */
export async function writeIdxPair(directory: string, { train, test }: DatasetPair): Promise<void> {
  await mkdir(directory, { recursive: true })
  for (const [prefix, { inputs, labels, count, inputShape }] of Object.entries({ train, t10k: test })) {
    await writeFile(join(directory, `${prefix}-images-idx3-ubyte`), idx([count, ...inputShape.slice(0, 2)], inputs))
    await writeFile(join(directory, `${prefix}-labels-idx1-ubyte`), idx([count], labels))
  }
}
