// SPDX-License-Identifier: GPL-3.0-or-later
// Straight lines as long as a tolerance lets them be, for curves that lines of equal length do not follow: 1 / √x where x spans
// decades. Each costs a comparison, so they are for where few elements take them.
import type { Bounds } from '../graph/program.ts'
import type { Window } from './spline.ts'

/** How far from f a result may be, as a share of |f| or of `peak` where that is given. */
export type Tolerance = { readonly share: number; readonly peak: number | null }

export type Pieces = {
  readonly breakpoints: number[]
  readonly slopes: number[]
  readonly intercepts: number[]
  /** Largest |f − line|, absolute and relative to the tolerance's reference. */
  readonly error: number
  readonly share: number
  readonly magnitude: number
}

/** Points of a line that are looked at. */
const POINTS = 24

/**
 * Fits f for integers low ≤ in < low + 2^bits within `bounds`; the lines are over v = ⌊(in − low) / 2^shift⌋ and stand for multiples
 * of scale · 2^(shift − fraction). Greedy: each line is the longest that holds, so their number is the least up to the points.
 * Null when more than `most` are needed.
 */
export function fitPieces(
  f: (x: number) => number,
  { low, bits, shift, fraction }: Omit<Window, 'select'>,
  scale: number,
  bounds: Bounds,
  tolerance: Tolerance,
  most: number,
): Pieces | null {
  const step = 2 ** shift
  const unit = scale * step * 2 ** -(fraction ?? 0)
  const round = (value: number): number => (fraction === null ? value : Math.round(value / unit) + 0)
  const min = Math.max(low, bounds.min)
  const max = Math.min(low + 2 ** bits - 1, bounds.max)
  const [first, last] = [min, Math.max(min, max)].map((value) => Math.floor((value - low) / step)) as [number, number]
  const ends = (v: number): [number, number] => [
    Math.max(min, low + v * step) * scale,
    Math.min(max, low + v * step + step - 1) * scale,
  ]
  const shareOf = (wrong: number, x: number): number =>
    wrong / (tolerance.peak ?? Math.max(Math.abs(f(x)), Number.MIN_VALUE))
  const lineOver = (from: number, to: number) => {
    const count = Math.min(POINTS, to - from)
    const points = Array.from({ length: count + 1 }, (_, i) =>
      count === 0 ? from : from + Math.round(((to - from) * i) / count),
    )
    const values = points.map((v) => f(ends(v).reduce((a, b) => a + b) / 2))
    const slope = round(count === 0 ? 0 : (values.at(-1)! - values[0]!) / (to - from))
    const real = fraction === null ? slope : slope * unit
    const rests = points.map((v, i) => values[i]! - real * v)
    const intercept = round((Math.min(...rests) + Math.max(...rests)) / 2)
    let [error, share] = [0, 0]
    for (const v of points)
      for (const x of ends(v)) {
        const wrong = Math.abs((slope * v + intercept) * (fraction === null ? 1 : unit) - f(x))
        error = Math.max(error, wrong)
        share = Math.max(share, shareOf(wrong, x))
      }
    return { slope, intercept, error, share, magnitude: Math.max(Math.abs(intercept), Math.abs(slope * to)) }
  }
  const found: Pieces = { breakpoints: [], slopes: [], intercepts: [], error: 0, share: 0, magnitude: 0 }
  let [error, share, magnitude] = [0, 0, 0]
  for (let from = first; from <= last; ) {
    let to = from
    let stride = 1
    const holds = (end: number): boolean => end <= last && lineOver(from, end).share <= tolerance.share
    while (holds(to + stride)) {
      to += stride
      stride *= 2
    }
    for (; stride >= 1; stride = Math.floor(stride / 2)) if (holds(to + stride)) to += stride
    if (found.slopes.length === most) return null
    const line = lineOver(from, to)
    if (line.share > tolerance.share) return null
    if (from > first) found.breakpoints.push(from)
    found.slopes.push(line.slope)
    found.intercepts.push(line.intercept)
    error = Math.max(error, line.error)
    share = Math.max(share, line.share)
    magnitude = Math.max(magnitude, line.magnitude)
    from = to + 1
  }
  return { ...found, error, share, magnitude }
}
