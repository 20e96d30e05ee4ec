// SPDX-License-Identifier: GPL-3.0-or-later
// How far the weights of two versions are from each other, in all and by layer.

export type Distance = {
  /** Euclidean norm of the difference. */
  readonly l2: number
  /** The largest change of one weight. */
  readonly max: number
}

export type PartDistance = Distance & { readonly name: string; readonly weights: number }

/** @throws Error for models of different sizes */
export function distanceOf(one: Float32Array, other: Float32Array, from = 0, length = one.length): Distance {
  if (one.length !== other.length) throw new Error(`${one.length} weights and ${other.length} are of different models`)
  let [sum, max] = [0, 0]
  for (let i = from; i < from + length; i++) {
    const change = Math.abs(one[i]! - other[i]!)
    sum += change * change
    if (change > max) max = change
  }
  return { l2: Math.sqrt(sum), max }
}

/** The same for each part of the weights. */
export function distancesByPart(
  one: Float32Array,
  other: Float32Array,
  parts: readonly { readonly name: string; readonly offset: number; readonly length: number }[],
): readonly PartDistance[] {
  return parts.map(({ name, offset, length }) => ({
    ...{ name, weights: length },
    ...distanceOf(one, other, offset, length),
  }))
}
