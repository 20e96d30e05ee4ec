// SPDX-License-Identifier: GPL-3.0-or-later
// How a curve becomes a table: which window, how fine, how many lines, decided once from what calibration saw.
import { CompileError } from '../graph/errors.ts'
import { activate } from '../graph/evaluate.ts'
import type { Bounds } from '../graph/program.ts'
import type { ActivationNode, SmoothFunction } from '../graph/types.ts'
import { isDefined, requireDefined } from './domain.ts'
import type { Lowering } from './lowering.ts'
import { fitPieces } from './pieces.ts'
import type { CurvePlan } from './plan.ts'
import { fitSpline, type Tail, tailOf } from './spline.ts'
import type { Value } from './writer.ts'

/** The calibrated window may be left by this factor: both ends are moved away from 0, or towards it, by it. */
const HEADROOM = 2
/** Margin for an end that is known by construction, because of the rounding before it. */
const SLACK = 1 / 16
/** Bits of a table's input in addition to the activation bits: its step is finer than its result by this factor. */
const STEP_BITS = 2
/** Most bits of a table's input. */
const MOST_BITS = 24
/** Most lines: choosing among 2^6 takes 57 products. For few elements, more lines cost little compared with the rest. */
const MOST_SELECT = 6
const MOST_SELECT_FEW = 8
const FEW_ELEMENTS = 64
/** Where a line goes on within this of the curve, it does not matter; as for sigmoid and tanh. */
export const TAIL_TOLERANCE = 4e-4
/** Rounding of slopes and intercepts may add this share of the target error. */
const ROUNDING_SHARE = 1 / 4
const MOST_FRACTION = 40
/** Beyond this ratio of largest to smallest result, small ones count for their size alone. */
const MOST_RATIO_BITS = 14
/** Lines of equal length that miss the target by this factor give way to others of unequal length. */
const POOR = 2
export const MOST_PIECES = 64
/** A table that is wrong by more than this share stands for nothing. */
const HOPELESS = 1 / 8
/** A line's product and its intercept must stay far from 2^52. */
const MOST_MAGNITUDE = 2 ** 46

/** Whether small results need the same relative precision as large ones, because their factor may be large. */
export function isRelative(fn: SmoothFunction): boolean {
  const text = JSON.stringify(fn)
  return ['"reciprocal"', '"power"', '"sqrt"'].some((kind) => text.includes(kind))
}

/** A function's readable name; a composed one lists its parts, first to last. */
export function nameOf(fn: SmoothFunction): string {
  if (fn.kind !== 'composed') return fn.kind
  const kinds = [...JSON.stringify(fn.of).matchAll(/"kind":"([a-z-]+)"/g)].map(([, kind]) => kind!)
  return kinds.reverse().join(', then ')
}

/** Window, steps and lines for a curve from what calibration saw. Integers of the input's scale. */
export function proposeCurve(
  context: Lowering,
  node: ActivationNode,
  fn: SmoothFunction,
  input: Value,
  activationBits: number,
  count: number,
): Omit<CurvePlan, 'kind' | 'node'> {
  const f = (x: number): number => activate(fn, x)
  const bounds = context.writer.bounds(input)
  const proven = { min: bounds.min * input.scale, max: bounds.max * input.scale }
  const seen = context.ranges(node.input)
  let { min, max } = windowAround(seen, node.within)
  const ofRatios = isRelative(fn)
  let [from, to]: (Tail | undefined)[] = [undefined, undefined]
  // A curve of ratios has no straight tail that matters to all of its values.
  if (!ofRatios && node.within?.min === undefined && proven.min < min) from = tailOf(f, proven.min, max, TAIL_TOLERANCE)
  if (!ofRatios && node.within?.max === undefined && proven.max > max) to = tailOf(f, proven.max, min, TAIL_TOLERANCE)
  // A curve is straight enough for a short way anywhere: a tail has to save half of what lies beyond the window.
  if (from !== undefined && from.at < (min + proven.min) / 2) from = undefined
  if (to !== undefined && to.at > (max + proven.max) / 2) to = undefined
  // If the proven range is hardly wider, the window covers all of it, unless the curve rises steeply there.
  const near = ofRatios ? 0 : (max - min) / 2
  const highest = 2 * Math.max(...grid({ min, max }, 64).map((x) => Math.abs(f(x))))
  const isTame = (x: number): boolean => Math.abs(f(x)) <= highest
  if (from !== undefined) min = from.at
  else if (min - proven.min <= near && isTame(proven.min) && isDefined(fn, { min: proven.min, max })) min = proven.min
  if (to !== undefined) max = to.at
  else if (proven.max - max <= near && isTame(proven.max) && isDefined(fn, { min, max: proven.max })) max = proven.max
  // Two lines that meet leave no curve between them.
  if (min > max) [min, max] = [max, min]
  min = Math.max(min, proven.min)
  max = Math.max(min, Math.min(max, proven.max))
  requireDefined(node, fn, { min, max })

  const peak = Math.max(...grid(seen, 64).map((x) => Math.abs(f(x))), Number.MIN_VALUE)
  const smallest = Math.min(...grid({ min, max }, 64).map((x) => Math.abs(f(x))))
  const relative = ofRatios && smallest * 2 ** MOST_RATIO_BITS > peak
  const closest = relative ? Math.min(Math.abs(min), Math.abs(max)) : 0
  const span = relative && closest > 0 ? Math.min(closest, max - min) : max - min
  let shift = 0
  while (input.scale * 2 ** (shift + 1) * 2 ** (activationBits + STEP_BITS) <= span) shift++
  while ((max - min) / (input.scale * 2 ** shift) > 2 ** MOST_BITS) shift++
  const target = 2 ** -activationBits
  const most = count <= FEW_ELEMENTS ? MOST_SELECT_FEW : MOST_SELECT
  const first = Math.floor(min / input.scale)
  const needed = Math.ceil(max / input.scale) - first + 1
  for (let select = 2; ; select++) {
    let bits = shift + select + 1
    while (2 ** bits < needed) bits++
    const low = relative ? awayFromZero(first, needed, bits) : placed(f, first, needed, bits, input.scale)
    const options = { low, bits, shift, select }
    const wrong = (fraction: number): number => {
      const fit = fitSpline(f, { ...options, fraction }, input.scale, bounds)
      if (fit.magnitude > MOST_MAGNITUDE) return Number.POSITIVE_INFINITY
      return relative ? fit.relative : fit.error / peak
    }
    const best = unrounded(f, options, input.scale, bounds, relative ? 0 : peak)
    if (best > target && select < most) continue
    if (best > POOR * target && from === undefined && to === undefined) {
      const window = { low: first, bits: widthOf(needed, shift), shift }
      const found = unequal(f, window, input.scale, bounds, target, relative ? null : peak)
      if (found !== null) return found
    }
    if (!(best <= HOPELESS)) refuseCurve(node, fn, { min, max })
    let fraction = -MOST_FRACTION
    while (!isFine(fraction, [from, to], wrong, best * (1 + ROUNDING_SHARE) + target * ROUNDING_SHARE))
      if (++fraction > MOST_FRACTION) refuseCurve(node, fn, { min, max })
    // A window's length is a power of two: the curve must have values in the part beyond [min, max] as well.
    if (from === undefined && to === undefined)
      requireDefined(node, fn, {
        min: Math.max(low * input.scale, proven.min),
        max: Math.min((low + 2 ** bits - 1) * input.scale, proven.max),
      })
    return {
      ...options,
      fraction,
      ...(from === undefined ? {} : { below: from.slope }),
      ...(to === undefined ? {} : { above: to.slope }),
    }
  }
}

function widthOf(needed: number, shift: number): number {
  let bits = shift + 1
  while (2 ** bits < needed) bits++
  return bits
}

/** Lines of unequal length within the target, or within twice as much until there are few enough; null where that is not had. */
function unequal(
  f: (x: number) => number,
  window: { readonly low: number; readonly bits: number; readonly shift: number },
  scale: number,
  bounds: Bounds,
  target: number,
  peak: number | null,
): Omit<CurvePlan, 'kind' | 'node'> | null {
  const ends = [window.low, window.low + 2 ** window.bits - 1]
  if (!ends.every((v) => Number.isFinite(f(v * scale)))) return null
  for (let share = target / 2; share < 1 / 4; share *= 2) {
    const attempt = (fraction: number | null, by: number) =>
      fitPieces(f, { ...window, fraction }, scale, bounds, { share: share * by, peak }, MOST_PIECES)
    if (attempt(null, 1) === null) continue
    for (let fraction = -MOST_FRACTION; fraction <= MOST_FRACTION; fraction++) {
      const found = attempt(fraction, 1 + ROUNDING_SHARE)
      if (found === null) continue
      if (found.magnitude > MOST_MAGNITUDE) break
      return { ...window, select: 0, fraction, within: { share: share * (1 + ROUNDING_SHARE), peak } }
    }
  }
  return null
}

function isFine(
  fraction: number,
  tails: readonly (Tail | undefined)[],
  wrong: (fraction: number) => number,
  limit: number,
): boolean {
  const whole = tails.every((tail) => tail === undefined || Number.isInteger(tail.slope * 2 ** fraction))
  return whole && wrong(fraction) <= limit
}

/** The error that this many lines reach before their numbers are rounded. */
function unrounded(
  f: (x: number) => number,
  window: Omit<Parameters<typeof fitSpline>[1], 'fraction'>,
  scale: number,
  bounds: Bounds,
  peak: number,
): number {
  const fit = fitSpline(f, { ...window, fraction: null }, scale, bounds)
  return peak === 0 ? fit.relative : fit.error / peak
}

export function refuseCurve(
  node: ActivationNode,
  fn: SmoothFunction,
  { min, max }: { min: number; max: number },
): never {
  throw new CompileError(
    'bound-exceeded',
    `${node.name}: ${nameOf(fn)} over [${min}, ${max}] spans too much for one table; normalise its input, or lower the activation bits of ${node.name}`,
    { layer: node.name },
  )
}

/** Twice the calibrated range, never across 0; ends that are known by construction take precedence. */
function windowAround(
  seen: { readonly min: number; readonly max: number },
  within: ActivationNode['within'],
): { min: number; max: number } {
  const down = (x: number, by: number): number => (x < 0 ? x * by : x / by)
  const min = within?.min === undefined ? down(seen.min, HEADROOM) : down(within.min, 1 + SLACK)
  const max = within?.max === undefined ? -down(-seen.max, HEADROOM) : -down(-within.max, 1 + SLACK)
  return { min: min + 0, max: Math.max(min, max) + 0 }
}

/** A window's length is a power of two; the surplus goes to the side where the curve is smaller. */
function placed(f: (x: number) => number, first: number, needed: number, bits: number, scale: number): number {
  const below = first + needed - 2 ** bits
  const [down, up] = [f(below * scale), f((first + 2 ** bits - 1) * scale)].map(Math.abs) as [number, number]
  return Number.isFinite(down) && (down < up || !Number.isFinite(up)) ? below : first
}

/** Ratios are steep near 0, and a window must not grow that way. */
function awayFromZero(first: number, needed: number, bits: number): number {
  return first < 0 ? first + needed - 2 ** bits : first
}

function grid({ min, max }: { readonly min: number; readonly max: number }, count: number): number[] {
  return Array.from({ length: count + 1 }, (_, i) => min + ((max - min) * i) / count)
}
