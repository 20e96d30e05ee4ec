// SPDX-License-Identifier: GPL-3.0-or-later
// Handwritten-looking digits made by the project itself: strokes, bent and slanted at random, drawn with a soft pen.
// For tests and for machines with neither network nor files; never to be taken for MNIST.
import { deriveSeed, SeededRandom } from '../random.ts'
import type { Dataset, DatasetPair } from '../types.ts'
import { createDataset } from './dataset.ts'

const SIDE = 28

/** The set that stands in for MNIST where there is none. */
export const USUAL_DIGITS = { seed: 1, train: 12_000, test: 2_000 } as const

/** A point in the unit square, y downwards. */
type Point = readonly [x: number, y: number]
type Stroke = readonly Point[]

/** Points on an ellipse arc, angles in turns, clockwise from the right. */
function arc(cx: number, cy: number, rx: number, ry: number, from: number, to: number): Stroke {
  const steps = Math.max(4, Math.ceil(Math.abs(to - from) * 20))
  return Array.from({ length: steps + 1 }, (_, i): Point => {
    const angle = 2 * Math.PI * (from + ((to - from) * i) / steps)
    return [cx + rx * Math.cos(angle), cy + ry * Math.sin(angle)]
  })
}

function line(...points: Point[]): Stroke {
  return points
}

/** Each digit has one to three ways of being written. */
const GLYPHS: readonly (readonly (readonly Stroke[])[])[] = [
  [[arc(0.5, 0.5, 0.26, 0.38, -0.25, 0.75)], [arc(0.5, 0.5, 0.32, 0.36, -0.2, 0.83)]],
  [
    [line([0.52, 0.1], [0.5, 0.9])],
    [line([0.36, 0.26], [0.54, 0.1], [0.52, 0.9])],
    [line([0.38, 0.25], [0.53, 0.1], [0.53, 0.88]), line([0.34, 0.89], [0.7, 0.89])],
  ],
  [
    [arc(0.48, 0.32, 0.24, 0.22, -0.5, 0.08), line([0.69, 0.43], [0.26, 0.88], [0.78, 0.86])],
    [
      arc(0.47, 0.3, 0.22, 0.2, -0.45, 0.1),
      line([0.65, 0.42], [0.36, 0.76]),
      arc(0.36, 0.8, 0.1, 0.08, 0, 1),
      line([0.45, 0.82], [0.8, 0.88]),
    ],
  ],
  [
    [arc(0.46, 0.3, 0.24, 0.2, -0.45, 0.25), arc(0.46, 0.69, 0.27, 0.21, -0.25, 0.42)],
    [line([0.28, 0.12], [0.7, 0.12], [0.46, 0.44]), arc(0.46, 0.67, 0.26, 0.23, -0.25, 0.42)],
  ],
  [
    [line([0.6, 0.1], [0.24, 0.6], [0.8, 0.6]), line([0.64, 0.36], [0.62, 0.92])],
    [line([0.3, 0.12], [0.27, 0.5], [0.7, 0.5]), line([0.7, 0.1], [0.66, 0.92])],
  ],
  [
    [line([0.74, 0.12], [0.34, 0.12], [0.31, 0.45]), arc(0.47, 0.66, 0.25, 0.24, -0.36, 0.38)],
    [line([0.34, 0.14], [0.32, 0.46]), line([0.34, 0.13], [0.74, 0.1]), arc(0.46, 0.65, 0.26, 0.23, -0.34, 0.4)],
  ],
  [
    [line([0.64, 0.1], [0.42, 0.3], [0.31, 0.58]), arc(0.51, 0.69, 0.21, 0.2, -0.5, 0.5)],
    [arc(0.66, 0.5, 0.4, 0.4, -0.3, -0.62), arc(0.48, 0.7, 0.2, 0.18, 0.5, 1.5)],
  ],
  [
    [line([0.24, 0.14], [0.76, 0.13], [0.45, 0.9])],
    [line([0.24, 0.16], [0.75, 0.14], [0.48, 0.9]), line([0.4, 0.5], [0.72, 0.48])],
  ],
  [
    [arc(0.5, 0.3, 0.2, 0.19, 0, 1), arc(0.5, 0.7, 0.24, 0.21, 0, 1)],
    [
      line(
        [0.72, 0.16],
        [0.44, 0.12],
        [0.32, 0.26],
        [0.66, 0.66],
        [0.62, 0.84],
        [0.4, 0.88],
        [0.32, 0.72],
        [0.72, 0.18],
      ),
    ],
  ],
  [
    [arc(0.49, 0.32, 0.22, 0.21, 0, 1), line([0.71, 0.32], [0.64, 0.9])],
    [arc(0.48, 0.31, 0.21, 0.2, 0.05, 1.02), arc(0.32, 0.5, 0.38, 0.4, -0.05, 0.2)],
  ],
]

/** How a writer's hand differs from the template. Lengths in template units, angles in radians. */
type Hand = {
  readonly a: number
  readonly b: number
  readonly c: number
  readonly d: number
  readonly dx: number
  readonly dy: number
  readonly waves: readonly { readonly kx: number; readonly ky: number; readonly phase: number; readonly size: number }[]
  readonly pen: number
  readonly ink: number
}

function drawHand(random: SeededRandom): Hand {
  const spread = (size: number) => (2 * random.uniform() - 1) * size
  const angle = spread(0.22)
  const slant = spread(0.28)
  const width = 0.78 + spread(0.2)
  const height = 0.82 + spread(0.14)
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)]
  return {
    a: width * cos,
    b: slant * cos - height * sin,
    c: width * sin,
    d: slant * sin + height * cos,
    dx: spread(0.07),
    dy: spread(0.07),
    // A smooth random displacement field: the elastic part of the distortion.
    waves: Array.from({ length: 4 }, () => ({
      kx: spread(7),
      ky: spread(7),
      phase: spread(Math.PI),
      size: spread(0.035),
    })),
    pen: 0.85 + 0.75 * random.uniform(),
    ink: 0.75 + 0.25 * random.uniform(),
  }
}

/** A template point where this hand puts it, in pixels. */
function place([x, y]: Point, hand: Hand): Point {
  const [u, v] = [x - 0.5, y - 0.5]
  let px = hand.a * u + hand.b * v + hand.dx
  let py = hand.c * u + hand.d * v + hand.dy
  for (const [i, { kx, ky, phase, size }] of hand.waves.entries()) {
    const push = size * Math.sin(kx * u + ky * v + phase)
    if (i % 2 === 0) px += push
    else py += push
  }
  return [SIDE * (px + 0.5) - 0.5, SIDE * (py + 0.5) - 0.5]
}

/** Draws one digit into 784 bytes at `offset`. */
function drawDigit(digit: number, random: SeededRandom, pixels: Uint8Array, offset: number): void {
  const variants = GLYPHS[digit]!
  const strokes = variants[random.below(variants.length)]!
  const hand = drawHand(random)
  const cover = new Float32Array(SIDE * SIDE)
  for (const stroke of strokes) {
    for (let i = 1; i < stroke.length; i++) {
      // Bend long straight lines too: follow the field in short pieces.
      const [from, to] = [stroke[i - 1]!, stroke[i]!]
      const pieces = Math.max(1, Math.ceil(Math.hypot(to[0] - from[0], to[1] - from[1]) / 0.15))
      let last = place(from, hand)
      for (let piece = 1; piece <= pieces; piece++) {
        const t = piece / pieces
        const next = place([from[0] + t * (to[0] - from[0]), from[1] + t * (to[1] - from[1])], hand)
        ink(cover, last, next, hand.pen)
        last = next
      }
    }
  }
  for (let i = 0; i < cover.length; i++) {
    const noise = cover[i]! > 0 ? 0.06 * random.normal() : random.below(400) === 0 ? 0.3 * random.uniform() : 0
    pixels[offset + i] = Math.round(255 * Math.min(1, Math.max(0, cover[i]! * hand.ink + noise)))
  }
}

/** Raises `cover` along a segment: full within the pen's radius, fading over one pixel. */
function ink(cover: Float32Array, from: Point, to: Point, radius: number): void {
  const reach = radius + 1
  const low = (p: number, q: number) => Math.max(0, Math.floor(Math.min(p, q) - reach))
  const high = (p: number, q: number) => Math.min(SIDE - 1, Math.ceil(Math.max(p, q) + reach))
  const [ex, ey] = [to[0] - from[0], to[1] - from[1]]
  const square = ex * ex + ey * ey
  for (let y = low(from[1], to[1]); y <= high(from[1], to[1]); y++) {
    for (let x = low(from[0], to[0]); x <= high(from[0], to[0]); x++) {
      const along = square === 0 ? 0 : ((x - from[0]) * ex + (y - from[1]) * ey) / square
      const t = Math.min(1, Math.max(0, along))
      const distance = Math.hypot(x - from[0] - t * ex, y - from[1] - t * ey)
      const value = Math.min(1, Math.max(0, reach - distance))
      const at = y * SIDE + x
      if (value > cover[at]!) cover[at] = value
    }
  }
}

/**
 * `train` and `test` digits, 28×28×1 in bytes, all ten classes in turn and then shuffled. The two sets come from different
 * streams of the seed; a larger `train` starts with the same pictures as a smaller one, before the shuffle.
 */
export function proceduralDigits(options: { seed: number; train: number; test: number }): DatasetPair {
  return {
    train: drawSet(deriveSeed(options.seed, 1), options.train),
    test: drawSet(deriveSeed(options.seed, 2), options.test),
  }
}

function drawSet(seed: number, count: number): Dataset {
  const order = new SeededRandom(seed).permutation(count)
  const inputs = new Uint8Array(count * SIDE * SIDE)
  const labels = new Uint16Array(count)
  for (let i = 0; i < count; i++) {
    const at = order[i]!
    labels[at] = i % 10
    drawDigit(i % 10, new SeededRandom(deriveSeed(seed, i)), inputs, at * SIDE * SIDE)
  }
  return createDataset({
    name: 'procedural digits',
    origin: 'procedural',
    inputShape: [SIDE, SIDE, 1],
    classes: 10,
    inputs,
    labels,
  })
}
