// SPDX-License-Identifier: GPL-3.0-or-later
// Pictures of 28 × 28 pixels for circuits: MNIST's test images when they are at hand, else digits drawn by procedure.
import { loadDigits } from '../../../../keepers/learning/data/mnist.ts'
import { seeded } from './programs.ts'

const PIXELS = 28 * 28
const DRAWN = 400

/** `count` images of pixels 0…255, the same ones for the same seed. Never touches the network. */
export async function digits(count: number, seed: number): Promise<Float64Array[]> {
  const { test } = await loadDigits({ offline: true, seed: 1, train: 1, test: DRAWN })
  const random = seeded(seed)
  return Array.from({ length: count }, () => {
    const start = Math.floor(random() * test.count) * PIXELS
    return Float64Array.from(test.inputs.subarray(start, start + PIXELS))
  })
}
