// SPDX-License-Identifier: GPL-3.0-or-later
// Straight lines of equal length for a curve, in integers, with their worst error measured point by point.
import type { Bounds } from '../graph/program.ts'

/** From `at` on outwards a curve is a straight line of this slope. */
export type Tail = { readonly at: number; readonly slope: number }

/** A SplineLayer's window; `fraction`: bits of a slope in addition to the input's scale; null leaves the lines unrounded. */
export type Window = {
  readonly low: number
  readonly bits: number
  readonly shift: number
  readonly select: number
  readonly fraction: number | null
}

export type Spline = {
  readonly slopes: number[]
  readonly intercepts: number[]
  /** Largest |f − line| over the reachable inputs, absolute and as a fraction of |f|. */
  readonly error: number
  readonly relative: number
  /** Inputs that the layer accepts, and the real numbers that can occur among them. */
  readonly window: Bounds
  readonly reached: { readonly min: number; readonly max: number }
  /** Largest magnitude of an intercept, or of a slope times its input. */
  readonly magnitude: number
}

/** Points of a line that are looked at. */
const POINTS = 24
/** Number of steps along a tail before the last one is halved. */
const TAIL_STEPS = 4096
const TAIL_HALVINGS = 40
/** Fraction bits of a tail's slope. */
const TAIL_SLOPE_BITS = 8

/**
 * Fits f (real → real) for integers `low` ≤ in < low + 2^bits that stand for in · scale; results stand for multiples of
 * scale · 2^(shift − fraction). Only what `bounds` admit is fitted: lines beyond are level.
 */
export function fitSpline(f: (x: number) => number, window: Window, scale: number, bounds: Bounds): Spline {
  const { low, bits, shift, select, fraction } = window
  const step = 2 ** shift
  const length = 2 ** (bits - shift - select)
  const unit = fraction === null ? null : scale * step * 2 ** -fraction
  const accepted = { min: low, max: low + 2 ** bits - 1 }
  const min = Math.max(accepted.min, Math.min(accepted.max, bounds.min))
  const max = Math.max(min, Math.min(accepted.max, bounds.max))
  const vOf = (value: number): number => Math.floor((value - low) / step)
  const round = (value: number): number => (unit === null ? value : Math.round(value / unit) + 0)
  const slopes: number[] = []
  const intercepts: number[] = []
  let [error, relative, magnitude] = [0, 0, 0]
  for (let j = 0; j < 2 ** select; j++) {
    const first = Math.max(j * length, vOf(min))
    const last = Math.min((j + 1) * length - 1, vOf(max))
    if (first > last) {
      slopes.push(0)
      intercepts.push(round(f((j * length > vOf(max) ? max : min) * scale)))
      continue
    }
    const count = Math.min(POINTS, last - first)
    const points = Array.from({ length: count + 1 }, (_, i) =>
      count === 0 ? first : first + Math.round(((last - first) * i) / count),
    )
    // All inputs of one step share a result: the curve is taken at their middle, and judged at both ends.
    const ends = (v: number): [number, number] => [
      Math.max(min, low + v * step) * scale,
      Math.min(max, low + v * step + step - 1) * scale,
    ]
    const values = points.map((v) => f(ends(v).reduce((a, b) => a + b) / 2))
    const exact = count === 0 ? 0 : (values.at(-1)! - values[0]!) / (last - first)
    const slope = round(exact)
    const used = unit === null ? slope : slope * unit
    const rests = points.map((v, i) => values[i]! - used * v)
    const intercept = round((Math.min(...rests) + Math.max(...rests)) / 2)
    slopes.push(slope)
    intercepts.push(intercept)
    magnitude = Math.max(magnitude, Math.abs(intercept), Math.abs(slope * last))
    for (const v of points) {
      const result = (slope * v + intercept) * (unit ?? 1)
      for (const x of ends(v)) {
        const wrong = Math.abs(result - f(x))
        error = Math.max(error, wrong)
        if (f(x) !== 0) relative = Math.max(relative, wrong / Math.abs(f(x)))
      }
    }
  }
  const reached = { min: min * scale, max: max * scale }
  return { slopes, intercepts, error, relative, window: accepted, reached, magnitude }
}

/**
 * How far in from `far`, an end of what can occur, towards `near` f is one straight line within `tolerance`; undefined where it
 * is not. The slope is a multiple of 2^−8.
 */
export function tailOf(f: (x: number) => number, far: number, near: number, tolerance: number): Tail | undefined {
  const beside = far + (near - far) / TAIL_STEPS
  const slope = Math.round(((f(beside) - f(far)) / (beside - far)) * 2 ** TAIL_SLOPE_BITS) / 2 ** TAIL_SLOPE_BITS
  const fits = (x: number): boolean => Math.abs(f(x) - f(far) - slope * (x - far)) <= tolerance
  const at = (i: number): number => far + ((near - far) * i) / TAIL_STEPS
  let last = 0
  while (last < TAIL_STEPS && fits(at(last + 1))) last++
  if (last === 0 || !Number.isFinite(slope)) return undefined
  let [good, bad] = [at(last), at(Math.min(TAIL_STEPS, last + 1))]
  for (let i = 0; i < TAIL_HALVINGS; i++) {
    const middle = (good + bad) / 2
    if (fits(middle)) good = middle
    else bad = middle
  }
  return { at: good, slope: slope + 0 }
}
