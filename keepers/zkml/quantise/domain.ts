// SPDX-License-Identifier: GPL-3.0-or-later
// Inputs at which smooth functions have no value, such as 1 / 0 or the logarithm of a number that is not positive. A table must not reach
// there.
import { CompileError } from '../graph/errors.ts'
import { activate } from '../graph/evaluate.ts'
import { isSmooth } from '../graph/smooth.ts'
import type { ActivationFunction, ActivationNode, Expression, SmoothFunction } from '../graph/types.ts'

type Interval = { readonly min: number; readonly max: number }

/** Number of sample points for an inner expression. */
const POINTS = 512

/** @throws CompileError unsupported-attribute naming the node, where the function has no value within `over`. */
export function requireDefined(node: ActivationNode, fn: SmoothFunction, over: Interval): void {
  const wrong = undefinedAt(fn, over)
  if (wrong === null) return
  throw new CompileError(
    'unsupported-attribute',
    `${node.name}: ${wrong}; no table can stand for it. Keep its input away from there (add an epsilon), or calibrate with other samples`,
    { layer: node.name, operator: fn.kind },
  )
}

export function isDefined(fn: SmoothFunction, over: Interval): boolean {
  return undefinedAt(fn, over) === null
}

function undefinedAt(fn: ActivationFunction, over: Interval): string | null {
  const { min, max } = over
  const found = `its input can be anything in [${min}, ${max}]`
  switch (fn.kind) {
    case 'log':
      return min > 0 ? null : `log of 0 and less has no value, and ${found}`
    case 'sqrt':
      return min >= 0 ? null : `the square root of a negative number has no value, and ${found}`
    case 'reciprocal':
      return min > 0 || max < 0 ? null : `1 / 0 has no value, and ${found}`
    case 'power': {
      const { exponent } = fn
      const whole = Number.isInteger(exponent)
      if (exponent < 0 && !(min > 0 || (whole && max < 0)))
        return `a power of ${exponent} has no value at 0, and ${found}`
      return whole || min >= 0 ? null : `a power of ${exponent} has no value below 0, and ${found}`
    }
    case 'tan': {
      const [first, last] = [min, max].map((end) => Math.floor(end / Math.PI + 0.5))
      return first === last ? null : `the tangent has no value at π/2 + kπ, and ${found}`
    }
    case 'asin':
    case 'acos':
      return min >= -1 && max <= 1 ? null : `${fn.kind} has no value beyond −1 and 1, and ${found}`
    case 'atanh':
      return min > -1 && max < 1 ? null : `atanh has no value from −1 down and from 1 up, and ${found}`
    case 'acosh':
      return min >= 1 ? null : `acosh has no value below 1, and ${found}`
    case 'composed':
      return inside(fn.of, over).wrong
    default:
      return null
  }
}

/** The values of an expression over the interval, and its first part without a value. */
function inside(expression: Expression, over: Interval): { readonly range: Interval; readonly wrong: string | null } {
  switch (expression.is) {
    case 'x':
      return { range: over, wrong: null }
    case 'affine': {
      const { wrong } = inside(expression.of, over)
      return { range: ranged(expression, over), wrong }
    }
    case 'apply': {
      const { range, wrong } = inside(expression.of, over)
      return { range: ranged(expression, over), wrong: wrong ?? undefinedAt(expression.fn, range) }
    }
    default: {
      const wrong = inside(expression.left, over).wrong ?? inside(expression.right, over).wrong
      return { range: ranged(expression, over), wrong }
    }
  }
}

function ranged(of: Expression, { min, max }: Interval): Interval {
  const fn: ActivationFunction = { kind: 'composed', of }
  const values = Array.from({ length: POINTS + 1 }, (_, i) => activate(fn, min + ((max - min) * i) / POINTS))
  return values.some(Number.isNaN) || !isSmooth(fn)
    ? { min: Number.NEGATIVE_INFINITY, max: Number.POSITIVE_INFINITY }
    : { min: Math.min(...values), max: Math.max(...values) }
}
