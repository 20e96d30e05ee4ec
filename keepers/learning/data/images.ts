// SPDX-License-Identifier: GPL-3.0-or-later
// Image folders: one sub-folder per class, pictures of one size inside.
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { LearningError } from '../errors.ts'
import type { Dataset } from '../types.ts'
import { createDataset } from './dataset.ts'
import { decodePicture } from './png.ts'

/** Pictures in other formats. They are refused, because skipping them silently would leave samples out of a class. */
const OTHER_PICTURES = /\.(jpe?g|gif|bmp|webp|tiff?|heic|avif)$/i

/**
 * `directory/<class>/<picture>.png|pgm|ppm`. Classes are the folder names, sorted (or `classes`, to fix their order).
 * All pictures must have one size. Throws BAD_DATA naming the file.
 */
export async function loadImageFolder(
  directory: string,
  options: { classes?: readonly string[]; signal?: AbortSignal } = {},
): Promise<Dataset> {
  const folders = (await readdir(directory, { withFileTypes: true }))
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .sort()
  const classNames = options.classes ?? folders
  const stranger = folders.find((folder) => !classNames.includes(folder))
  if (stranger !== undefined)
    throw new LearningError(
      'BAD_DATA',
      `${directory}: folder ${stranger} is not a known class; the classes are ${classNames.join(', ')}`,
    )
  if (classNames.length < 2) {
    throw new LearningError('BAD_DATA', `${directory}: ${classNames.length} class folders; at least 2 are needed`)
  }
  const pictures: Uint8Array[] = []
  const labels: number[] = []
  let shape: readonly [number, number, number] | null = null
  for (const [label, name] of classNames.entries()) {
    const all = (await readdir(join(directory, name)).catch(() => [])).sort()
    const other = all.find((file) => OTHER_PICTURES.test(file))
    if (other !== undefined) {
      throw new LearningError(
        'BAD_DATA',
        `${join(directory, name, other)}: PNG, PGM and PPM are read: convert the picture, or take it out`,
      )
    }
    const files = all.filter((file) => /\.(png|pgm|ppm)$/i.test(file))
    for (const file of files) {
      options.signal?.throwIfAborted()
      const path = join(directory, name, file)
      const picture = decodePicture(await readFile(path), path)
      const found = [picture.height, picture.width, picture.channels] as const
      shape ??= found
      if (`${found}` !== `${shape}`) {
        throw new LearningError(
          'BAD_DATA',
          `${path} is ${found.join('×')}, the pictures before it ${shape.join('×')}: resize it, or take it out`,
        )
      }
      pictures.push(picture.pixels)
      labels.push(label)
    }
  }
  if (shape === null) throw new LearningError('BAD_DATA', `${directory}: no .png, .pgm or .ppm pictures`)
  return createDataset({
    name: directory,
    origin: 'images',
    inputShape: shape,
    classes: classNames.length,
    inputs: new Uint8Array(Buffer.concat(pictures)),
    labels,
    classNames,
  })
}
