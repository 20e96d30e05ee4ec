// SPDX-License-Identifier: GPL-3.0-or-later
// Smooth functions in integers: a table of straight lines over a window, which the circuit holds the input to. Where the curve continues as
// a straight line, the input is cut off and the line added, so that every input can be proven. Where it does not (1 / x near 0, exp far
// up), the window is the calibrated range, with room to grow.
import { activate } from '../graph/evaluate.ts'
import { elementCount } from '../graph/program.ts'
import type { ActivationNode, SmoothFunction } from '../graph/types.ts'
import { signedBits } from '../graph/windows.ts'
import { piecewiseBits } from './bits.ts'
import { isRelative, MOST_PIECES, nameOf, proposeCurve, refuseCurve, TAIL_TOLERANCE } from './curve-plan.ts'
import { requireDefined } from './domain.ts'
import type { Lowering } from './lowering.ts'
import { fitPieces, type Tolerance } from './pieces.ts'
import type { CurvePlan } from './plan.ts'
import { fitSpline } from './spline.ts'
import { type LayerDraft, lineDraft, type Value } from './writer.ts'

export function lowerCurve(
  context: Lowering,
  node: ActivationNode,
  fn: SmoothFunction,
  input: Value,
  shape: readonly number[],
): Value {
  const { decider, writer } = context
  const f = (x: number): number => activate(fn, x)
  const count = elementCount(shape)
  const plan = decider.curve(`${node.name}/curve`, node.name, (bits) =>
    proposeCurve(context, node, fn, input, bits, count),
  )
  if (plan.within !== undefined) return lowerPieces(context, node, fn, input, shape, plan, plan.within)
  const { low, bits: width, shift, select, fraction } = plan
  const bounds = writer.bounds(input)
  const table = fitSpline(f, { low, bits: width, shift, select, fraction }, input.scale, bounds)
  requireDefined(node, fn, table.reached)
  const isInside = bounds.min >= table.window.min && bounds.max <= table.window.max
  const tail = (slope: number | undefined): number | null => (slope === undefined ? null : slope * 2 ** fraction)
  const tails = { width, below: tail(plan.below), above: tail(plan.above) }
  const open = tails.below !== null || tails.above !== null
  const hasTails = open && !isInside
  const bits = hasTails ? Math.max(width + 1, signedBits({ min: bounds.min - low, max: bounds.max - low })) : width
  const draft: LayerDraft = {
    kind: 'spline',
    low,
    bits,
    shift,
    select,
    slopes: table.slopes,
    intercepts: table.intercepts,
    ...(hasTails ? { tails } : {}),
  }
  const isHeld =
    node.within === undefined &&
    ((bounds.min < table.window.min && tails.below === null) || (bounds.max > table.window.max && tails.above === null))
  const beyond = hasTails ? 2 * TAIL_TOLERANCE : 0
  tell(context, node, fn, {
    reached: table.reached,
    error: table.error + beyond,
    relative: isRelative(fn) ? table.relative : null,
    count: table.slopes.length,
    isHeld,
  })
  return writer.emit(`${node.name}_curve`, [node.name], [input], draft, shape, input.scale * 2 ** (shift - fraction))
}

/** The same with lines of unequal length: a separate range check enforces the window. */
function lowerPieces(
  context: Lowering,
  node: ActivationNode,
  fn: SmoothFunction,
  input: Value,
  shape: readonly number[],
  plan: CurvePlan,
  within: Tolerance,
): Value {
  const { writer } = context
  const { low, bits, shift, fraction } = plan
  const bounds = writer.bounds(input)
  const fit =
    fitPieces((x) => activate(fn, x), plan, input.scale, bounds, within, MOST_PIECES) ??
    refuseCurve(node, fn, { min: low * input.scale, max: (low + 2 ** bits - 1) * input.scale })
  const size = elementCount(shape)
  const line = (slope: number, intercept: number) => lineDraft(size, slope, intercept)
  const shifted = writer.emit(`${node.name}_from`, [node.name], [input], line(1, -low), shape, input.scale)
  const draft: LayerDraft = {
    kind: 'rescale',
    shift,
    bits,
    unsigned: true,
    held: true,
    activation: { kind: 'identity' },
  }
  const held = writer.emit(`${node.name}_held`, [node.name], [shifted], draft, shape, input.scale * 2 ** shift)
  const [from, to] = [Math.max(low, bounds.min), Math.min(low + 2 ** bits - 1, bounds.max)]
  const reached = { min: from * input.scale, max: to * input.scale }
  requireDefined(node, fn, reached)
  const isHeld = node.within === undefined && (bounds.min < from || bounds.max > to)
  tell(context, node, fn, {
    reached,
    error: fit.error,
    relative: within.peak === null ? fit.share : null,
    count: fit.slopes.length,
    isHeld,
  })
  const { breakpoints, slopes, intercepts } = fit
  const curve: LayerDraft =
    breakpoints.length === 0
      ? line(slopes[0]!, intercepts[0]!)
      : { kind: 'piecewise', breakpoints, slopes, intercepts, bits: piecewiseBits(breakpoints, writer.bounds(held)) }
  return writer.emit(`${node.name}_curve`, [node.name], [held], curve, shape, held.scale * 2 ** -fraction)
}

/** The note about a table for its owner; `relative`: the error as a fraction of each result, where that was the aim. */
type Told = {
  readonly reached: { readonly min: number; readonly max: number }
  readonly error: number
  readonly relative: number | null
  readonly count: number
  readonly isHeld: boolean
}

function tell(context: Lowering, node: ActivationNode, fn: SmoothFunction, told: Told): void {
  const [from, to] = [told.reached.min, told.reached.max].map((x) => Number(x.toPrecision(4)))
  const relative = told.relative !== null ? `, ${(told.relative * 100).toPrecision(2)} % of the value` : ''
  context.writer.note(
    `${node.name}: ${nameOf(fn)} is ${told.count} straight lines over [${from}, ${to}], wrong by at most ` +
      `${told.error.toPrecision(2)}${relative}${told.isHeld ? '; an input that leaves this range has no proof' : ''}`,
  )
}
