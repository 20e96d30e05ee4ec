// SPDX-License-Identifier: GPL-3.0-or-later
// Piecewise linear stand-ins for smooth activations, in integers, with their worst error measured point by point.
import { segmentOf } from './interpret.ts'

/** Breakpoints, slopes and intercepts of a PiecewiseLayer, and the largest |f − stand-in| over the fitted range (real). */
export type PiecewiseFit = {
  readonly breakpoints: number[]
  readonly slopes: number[]
  readonly intercepts: number[]
  readonly error: number
}

/** At most this many points of the input range are looked at; enough, as fitted functions vary slowly between them. */
const GRID_POINTS = 1024
/** Halvings of the error tolerance: ends within a millionth of the best. */
const TOLERANCE_STEPS = 24

/** Where a curve does something: outside [from, to] (real) it is taken as constant. */
export type Reach = { readonly from: number; readonly to: number }

/**
 * Fits `f` (real → real) for integer inputs v in [min, max] standing for v · inputScale, by at most `segments` straight
 * pieces over its reach and a constant on either side; results stand for multiples of inputScale · 2^−slopeBits. Greedy
 * longest pieces under a tolerance, which is then bisected: optimal for the number of pieces up to the grid.
 */
export function fitPiecewise(
  f: (x: number) => number,
  reach: Reach,
  inputScale: number,
  range: { readonly min: number; readonly max: number },
  slopeBits: number,
  segments: number,
): PiecewiseFit {
  const inner = {
    min: Math.min(range.max, Math.max(range.min, Math.ceil(reach.from / inputScale))),
    max: Math.max(range.min, Math.min(range.max, Math.floor(reach.to / inputScale))),
  }
  const grid = gridOf(inner.max < inner.min ? { min: inner.min, max: inner.min } : inner)
  const values = grid.map((v) => f(v * inputScale))
  let low = 0
  let high = Math.max(...values) - Math.min(...values)
  let best = cuts(grid, values, high)
  for (let step = 0; step < TOLERANCE_STEPS && high > 0; step++) {
    const tolerance = (low + high) / 2
    const found = cuts(grid, values, tolerance)
    if (found.length <= segments) {
      best = found
      high = tolerance
    } else low = tolerance
  }
  const outputScale = inputScale * 2 ** -slopeBits
  const { breakpoints, slopes, intercepts } = integerPieces(grid, values, outputScale, best)
  const first = grid[0]!
  const last = grid.at(-1)!
  if (range.min < first) {
    breakpoints.unshift(first)
    slopes.unshift(0)
    intercepts.unshift(Math.round(f(range.min * inputScale) / outputScale) + 0)
  }
  if (range.max > last) {
    breakpoints.push(last + 1)
    slopes.push(0)
    intercepts.push(Math.round(f(range.max * inputScale) / outputScale) + 0)
  }
  mergeEqual(breakpoints, slopes, intercepts)
  const looked = [...grid, range.min, first - 1, last + 1, range.max].filter((v) => v >= range.min && v <= range.max)
  let error = 0
  for (const v of looked) {
    const segment = segmentOf(breakpoints, v)
    error = Math.max(error, Math.abs((slopes[segment]! * v + intercepts[segment]!) * outputScale - f(v * inputScale)))
  }
  return { breakpoints, slopes, intercepts, error }
}

/** Neighbours that are one straight line become one piece: a breakpoint costs a comparator an element. */
function mergeEqual(breakpoints: number[], slopes: number[], intercepts: number[]): void {
  for (let k = breakpoints.length - 1; k >= 0; k--)
    if (slopes[k] === slopes[k + 1] && intercepts[k] === intercepts[k + 1]) {
      breakpoints.splice(k, 1)
      slopes.splice(k, 1)
      intercepts.splice(k, 1)
    }
}

function gridOf(range: { readonly min: number; readonly max: number }): number[] {
  const span = range.max - range.min
  const count = Math.min(span, GRID_POINTS)
  const points = Array.from({ length: count + 1 }, (_, i) => range.min + Math.round((span * i) / Math.max(1, count)))
  return [...new Set(points)]
}

/** Grid indices [from, to] of each piece. Neighbouring pieces share no point: a breakpoint is where the next begins. */
function cuts(grid: readonly number[], values: readonly number[], tolerance: number): [number, number][] {
  const pieces: [number, number][] = []
  let from = 0
  while (from < grid.length) {
    let good = from
    let step = 1
    // Gallop, then halve: the error of a chord grows with its length for the curves fitted here.
    while (good + step < grid.length && chordError(grid, values, from, good + step) <= tolerance) {
      good += step
      step *= 2
    }
    for (; step >= 1; step = Math.floor(step / 2))
      if (good + step < grid.length && chordError(grid, values, from, good + step) <= tolerance) good += step
    pieces.push([from, good])
    from = good + 1
  }
  return pieces
}

function chordSlope(grid: readonly number[], values: readonly number[], from: number, to: number): number {
  return from === to ? 0 : (values[to]! - values[from]!) / (grid[to]! - grid[from]!)
}

/** Half of the spread around the chord: the error after the piece is moved to the middle. */
function chordError(grid: readonly number[], values: readonly number[], from: number, to: number): number {
  const [low, high] = spread(grid, values, from, to, chordSlope(grid, values, from, to))
  return (high - low) / 2
}

/** Smallest and largest of f − slope · v over a piece. */
function spread(
  grid: readonly number[],
  values: readonly number[],
  from: number,
  to: number,
  slope: number,
): [number, number] {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
  for (let i = from; i <= to; i++) {
    const rest = values[i]! - slope * grid[i]!
    low = Math.min(low, rest)
    high = Math.max(high, rest)
  }
  return [low, high]
}

function integerPieces(
  grid: readonly number[],
  values: readonly number[],
  outputScale: number,
  pieces: readonly [number, number][],
): Omit<PiecewiseFit, 'error'> {
  const slopes: number[] = []
  const intercepts: number[] = []
  for (const [from, to] of pieces) {
    const slope = Math.round(chordSlope(grid, values, from, to) / outputScale)
    const [low, high] = spread(grid, values, from, to, slope * outputScale)
    slopes.push(slope + 0)
    intercepts.push(Math.round((low + high) / 2 / outputScale) + 0)
  }
  return { breakpoints: pieces.slice(1).map(([from]) => grid[from]!), slopes, intercepts }
}
