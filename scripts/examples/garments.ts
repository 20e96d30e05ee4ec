// SPDX-License-Identifier: GPL-3.0-or-later
// Draws garments for machines without Fashion-MNIST: filled outlines, bent, stretched and shaded at random, as four IDX files in MNIST's format. They
// must never pass for Fashion-MNIST.
import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { deriveSeed, SeededRandom } from '../../keepers/learning/index.ts'

type Point = readonly [x: number, y: number]
type Outline = readonly Point[]

/** Class names of Fashion-MNIST, in the order of its labels. */
export const GARMENTS = [
  'T-shirt/top',
  'Trouser',
  'Pullover',
  'Dress',
  'Coat',
  'Sandal',
  'Shirt',
  'Sneaker',
  'Bag',
  'Ankle boot',
] as const

const SIDE = 28
/** Samples along each side of a pixel. */
const FINE = 2

/** The right half of something symmetric, from the top to the bottom; the left half mirrors it. */
const mirrored = (...half: Point[]): Outline => [...half, ...half.map(([x, y]): Point => [1 - x, y]).reverse()]

const torso = (waist: number, hem: number): Point[] => [
  [waist, 0.42],
  [waist, hem],
]

/** Outlines in the unit square, y downwards. Where outlines overlap, cloth is cut out: a seam, a strap's gap, an opening. */
const SHAPES: Readonly<Record<(typeof GARMENTS)[number], readonly Outline[]>> = {
  'T-shirt/top': [mirrored([0.6, 0.12], [0.72, 0.16], [0.93, 0.34], [0.83, 0.44], ...torso(0.72, 0.9))],
  Trouser: [mirrored([0.66, 0.06], [0.72, 0.94], [0.57, 0.94], [0.5, 0.3])],
  Pullover: [mirrored([0.6, 0.12], [0.72, 0.15], [0.9, 0.4], [0.95, 0.86], [0.83, 0.88], ...torso(0.74, 0.88))],
  Dress: [mirrored([0.56, 0.06], [0.64, 0.08], [0.62, 0.36], [0.76, 0.94])],
  Coat: [
    mirrored([0.58, 0.08], [0.74, 0.13], [0.92, 0.42], [0.94, 0.84], [0.83, 0.85], [0.77, 0.42], [0.79, 0.96]),
    mirrored([0.515, 0.2], [0.515, 0.96]),
  ],
  Sandal: [
    [
      [0.06, 0.74],
      [0.5, 0.6],
      [0.9, 0.4],
      [0.96, 0.46],
      [0.9, 0.74],
      [0.84, 0.74],
      [0.84, 0.58],
      [0.5, 0.74],
      [0.06, 0.8],
    ],
    [
      [0.3, 0.62],
      [0.44, 0.46],
      [0.5, 0.48],
      [0.36, 0.7],
    ],
  ],
  Shirt: [
    mirrored([0.58, 0.1], [0.7, 0.14], [0.86, 0.4], [0.9, 0.7], [0.8, 0.72], ...torso(0.7, 0.94)),
    mirrored([0.57, 0.1], [0.5, 0.3]),
    mirrored([0.51, 0.32], [0.51, 0.94]),
  ],
  Sneaker: [
    [
      [0.04, 0.56],
      [0.34, 0.52],
      [0.6, 0.36],
      [0.72, 0.44],
      [0.94, 0.4],
      [0.97, 0.68],
      [0.04, 0.7],
    ],
  ],
  Bag: [mirrored([0.84, 0.4], [0.9, 0.9]), mirrored([0.62, 0.12], [0.68, 0.4]), mirrored([0.57, 0.2], [0.62, 0.4])],
  'Ankle boot': [
    [
      [0.06, 0.64],
      [0.4, 0.54],
      [0.5, 0.12],
      [0.88, 0.12],
      [0.92, 0.86],
      [0.8, 0.86],
      [0.74, 0.8],
      [0.06, 0.84],
    ],
  ],
}

/** How one piece differs from its outline: stretched, slanted, shifted, and a fabric with stripes. Lengths in the unit square. */
function drawPiece(label: number, random: SeededRandom, pixels: Uint8Array, offset: number): void {
  const spread = (size: number): number => (2 * random.uniform() - 1) * size
  const [width, height, slant] = [1 + spread(0.14), 1 + spread(0.1), spread(0.12)]
  const [dx, dy] = [spread(0.05), spread(0.05)]
  const outlines = SHAPES[GARMENTS[label]!].map((outline) =>
    outline.map(([x, y]): Point => {
      const [u, v] = [x - 0.5 + spread(0.02), y - 0.5 + spread(0.02)]
      return [0.5 + width * u + slant * v + dx, 0.5 + height * v + dy]
    }),
  )
  const [shade, contrast] = [0.35 + 0.6 * random.uniform(), 0.3 * random.uniform()]
  const [kx, ky, phase] = [spread(40), spread(40), spread(Math.PI)]
  for (let row = 0; row < SIDE; row++) {
    for (let column = 0; column < SIDE; column++) {
      let covered = 0
      for (let part = 0; part < FINE * FINE; part++) {
        const x = (column + ((part % FINE) + 0.5) / FINE) / SIDE
        const y = (row + (Math.floor(part / FINE) + 0.5) / FINE) / SIDE
        if (outlines.reduce((cut, outline) => cut !== isInside(outline, x, y), false)) covered++
      }
      const fabric = shade * (1 + contrast * Math.sin((kx * column + ky * row) / SIDE + phase)) + 0.05 * random.normal()
      pixels[offset + row * SIDE + column] = Math.round(255 * Math.min(1, Math.max(0, (covered / FINE ** 2) * fabric)))
    }
  }
}

/** Whether a ray to the right crosses the outline an odd number of times. */
function isInside(outline: Outline, x: number, y: number): boolean {
  let inside = false
  for (const [i, [ax, ay]] of outline.entries()) {
    const [bx, by] = outline[(i + 1) % outline.length]!
    if (ay > y !== by > y && x < ax + ((y - ay) / (by - ay)) * (bx - ax)) inside = !inside
  }
  return inside
}

/** Writes `train` and `test` pieces into a folder, all ten classes in turn, from different streams of the seed. Whole, or not at all. */
export async function writeGarments(folder: string, counts: { train: number; test: number }, seed = 1): Promise<void> {
  const half = `${folder}.half`
  await rm(half, { recursive: true, force: true })
  await mkdir(half, { recursive: true })
  for (const [name, count, stream] of [
    ['train', counts.train, 1],
    ['t10k', counts.test, 2],
  ] as const) {
    const pixels = new Uint8Array(count * SIDE * SIDE)
    const labels = Uint8Array.from({ length: count }, (_, i) => i % GARMENTS.length)
    for (const [i, label] of labels.entries()) {
      drawPiece(label, new SeededRandom(deriveSeed(deriveSeed(seed, stream), i)), pixels, i * SIDE * SIDE)
    }
    await writeFile(join(half, `${name}-images-idx3-ubyte`), idx([count, SIDE, SIDE], pixels))
    await writeFile(join(half, `${name}-labels-idx1-ubyte`), idx([count], labels))
  }
  await rm(folder, { recursive: true, force: true })
  await rename(half, folder)
}

/** An IDX file of unsigned bytes. */
function idx(sizes: readonly number[], values: Uint8Array): Uint8Array {
  const head = Buffer.alloc(4 + 4 * sizes.length)
  head.writeUInt32BE(0x0800 + sizes.length)
  for (const [i, size] of sizes.entries()) head.writeUInt32BE(size, 4 + 4 * i)
  return Buffer.concat([head, values])
}
