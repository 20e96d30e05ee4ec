// SPDX-License-Identifier: GPL-3.0-or-later
// The smooth functions as real numbers, and where they are not defined.
import type { ActivationFunction, Expression, SmoothFunction } from './types.ts'

/** Kinds that ActivationFunction has beside the smooth ones. */
const OTHER_KINDS: ReadonlySet<string> = new Set<Exclude<ActivationFunction, SmoothFunction>['kind']>([
  'relu',
  'leaky-relu',
  'clip',
  'sigmoid',
  'tanh',
  'hard-sigmoid',
  'polynomial',
])

export function isSmooth(fn: ActivationFunction): fn is SmoothFunction {
  return !OTHER_KINDS.has(fn.kind)
}

type Apply = (fn: ActivationFunction, x: number) => number

/** The function at x; NaN or infinite where it has no value. `activate` serves what an expression applies. */
export function smooth(fn: SmoothFunction, x: number, activate: Apply): number {
  switch (fn.kind) {
    case 'exp':
      return Math.exp(x)
    case 'log':
      return Math.log(x)
    case 'sqrt':
      return Math.sqrt(x)
    case 'reciprocal':
      return 1 / x
    case 'power':
      return x ** fn.exponent
    case 'erf':
      return erf(x)
    case 'gelu':
      return (x / 2) * (1 + erf(x * Math.SQRT1_2))
    case 'gelu-tanh':
      return (x / 2) * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)))
    case 'softplus':
      return softplus(x)
    case 'mish':
      return x * Math.tanh(softplus(x))
    case 'softsign':
      return x / (1 + Math.abs(x))
    case 'sin':
    case 'cos':
    case 'atan':
    case 'sinh':
    case 'cosh':
    case 'asinh':
    case 'tan':
    case 'asin':
    case 'acos':
    case 'acosh':
    case 'atanh':
      return Math[fn.kind](x)
    case 'elu':
      return fn.gain * (x >= 0 ? x : fn.alpha * Math.expm1(x / fn.width))
    case 'silu':
      return x / (1 + Math.exp(-fn.alpha * x))
    case 'composed':
      return expressed(fn.of, x, activate)
  }
}

function expressed(expression: Expression, x: number, activate: Apply): number {
  switch (expression.is) {
    case 'x':
      return x
    case 'affine':
      return expression.factor * expressed(expression.of, x, activate) + expression.offset
    case 'apply':
      return activate(expression.fn, expressed(expression.of, x, activate))
    default: {
      const left = expressed(expression.left, x, activate)
      const right = expressed(expression.right, x, activate)
      return expression.is === 'add' ? left + right : expression.is === 'subtract' ? left - right : left * right
    }
  }
}

/** log(1 + exp(x)) without overflow. */
function softplus(x: number): number {
  return Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)))
}

/** From here on erf is ±1 to the last bit. */
const ERF_FLAT = 6
/** Below this the series is used, above it the continued fraction of erfc; both end far below float64's resolution there. */
const ERF_SERIES = 2.5
const SERIES_TERMS = 60
const FRACTION_TERMS = 60

/**
 * The error function to some 1e-15: 2/√π · Σ (−1)^n x^(2n+1) / (n! (2n+1)) for small x, and 1 − exp(−x²)/√π · 1/(x + ½/(x + 1/(x + …)))
 * for large ones (Abramowitz and Stegun, 7.1.5 and 7.1.14).
 */
export function erf(x: number): number {
  const at = Math.abs(x)
  if (at >= ERF_FLAT) return Math.sign(x)
  if (at < ERF_SERIES) {
    let [term, sum] = [x, x]
    for (let n = 1; n < SERIES_TERMS; n++) {
      term *= (-x * x) / n
      sum += term / (2 * n + 1)
    }
    return (2 / Math.sqrt(Math.PI)) * sum
  }
  let rest = at
  for (let n = FRACTION_TERMS; n >= 1; n--) rest = at + n / 2 / rest
  return Math.sign(x) * (1 - Math.exp(-at * at) / (Math.sqrt(Math.PI) * rest))
}
