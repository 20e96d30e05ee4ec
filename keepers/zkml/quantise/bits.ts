// SPDX-License-Identifier: GPL-3.0-or-later
// Bits that hold what bounds admit: how wide the circuit decomposes.

import type { CompareLayer } from '../graph/layers.ts'
import type { Bounds, Mode } from '../graph/program.ts'
import { signedBits, unsignedBits } from '../graph/windows.ts'
import { type Intervals, parameterRange } from './intervals.ts'

/** Bits of the largest difference that two elements of one window can have. */
export function windowBits({ low, high }: Intervals, windows: readonly Int32Array[]): number {
  let width = 0
  for (const window of windows) {
    let [min, max] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
    for (const i of window) {
      min = Math.min(min, low[i]!)
      max = Math.max(max, high[i]!)
    }
    width = Math.max(width, max - min)
  }
  return unsignedBits({ max: width })
}

/** Bits for in − breakpoint over all breakpoints, as a signed window. */
export function piecewiseBits(breakpoints: readonly number[], input: Bounds): number {
  return Math.max(1, ...breakpoints.map((t) => signedBits({ min: input.min - t, max: input.max - t })))
}

/** Whether the thresholds are constants of the circuit. */
export function areKnown({ fixed }: Pick<CompareLayer, 'fixed'>, mode: Mode): boolean {
  return fixed || mode === 'released'
}

/** Bits of a signed window that holds in − threshold wherever they are compared; of an equality, none are needed. */
export function compareBits(
  layer: Pick<CompareLayer, 'positions' | 'thresholds' | 'fixed' | 'relation'>,
  input: Intervals,
  mode: Mode,
): number {
  if (layer.relation === 'equal') return 1
  const range = parameterRange(layer.thresholds)
  let [min, max] = [0, 0]
  for (const [i, from] of layer.positions.entries()) {
    const value = layer.thresholds.values[i]!
    const [least, most] = areKnown(layer, mode) ? [value, value] : [range.min, range.max]
    min = Math.min(min, input.low[from]! - most)
    max = Math.max(max, input.high[from]! - least)
  }
  return signedBits({ min, max })
}
