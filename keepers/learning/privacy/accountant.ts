// SPDX-License-Identifier: GPL-3.0-or-later
// Rényi differential privacy of the Poisson-subsampled Gaussian mechanism: Mironov, Talwar & Zhang, "Rényi Differential
// Privacy of the Sampled Gaussian Mechanism" (2019). One step: each client takes part with probability q; the sum of updates
// clipped to norm C gets noise of standard deviation σ·C.
import { LearningError } from '../errors.ts'

/** Orders α at which the bound is evaluated; the best one counts. */
export const RDP_ORDERS: readonly number[] = [
  ...Array.from({ length: 99 }, (_, i) => 1.1 + i / 10),
  ...Array.from({ length: 53 }, (_, i) => 11 + i),
  72,
  80,
  96,
  128,
  192,
  256,
  512,
]

export type PrivacyStep = {
  /** σ, in multiples of the clipping norm. */
  readonly noiseMultiplier: number
  /** q, the chance that a client takes part in a step; 1 when all do. */
  readonly samplingRate: number
  readonly steps: number
}

export type PrivacySpent = { readonly epsilon: number; readonly delta: number; readonly order: number }

/**
 * Adds up steps and computes their cost. `conversion` from RDP to (ε, δ): 'improved' (Canonne, Kamath & Steinke 2020, proposition 12; tighter,
 * the default) or 'classic' (Mironov 2017, proposition 3; used in older papers).
 */
export class PrivacyAccountant {
  readonly #rdp = new Float64Array(RDP_ORDERS.length)

  /** Throws BAD_PARAMETERS on a σ ≤ 0, a q outside [0, 1] or a negative number of steps. */
  add(step: PrivacyStep): this {
    const { noiseMultiplier, samplingRate, steps } = step
    const refuse = (what: string) => new LearningError('BAD_PARAMETERS', `differential privacy: ${what}`)
    if (!(noiseMultiplier > 0)) throw refuse(`noise multiplier is ${noiseMultiplier}; expected a positive number`)
    if (!(samplingRate >= 0 && samplingRate <= 1)) throw refuse(`sampling rate is ${samplingRate}; expected 0 to 1`)
    if (!Number.isInteger(steps) || steps < 0) throw refuse(`steps are ${steps}; expected a whole number`)
    for (const [i, order] of RDP_ORDERS.entries()) {
      this.#rdp[i]! += steps * rdpOfStep(samplingRate, noiseMultiplier, order)
    }
    return this
  }

  /** ε for a given δ in (0, 1). */
  spent(delta: number, conversion: 'improved' | 'classic' = 'improved'): PrivacySpent {
    if (!(delta > 0 && delta < 1)) {
      throw new LearningError('BAD_PARAMETERS', `delta is ${delta}; expected a number between 0 and 1`)
    }
    let best = { epsilon: Number.POSITIVE_INFINITY, order: RDP_ORDERS[0]! }
    for (const [i, order] of RDP_ORDERS.entries()) {
      const rdp = this.#rdp[i]!
      const epsilon =
        conversion === 'classic'
          ? rdp - Math.log(delta) / (order - 1)
          : rdp + Math.log1p(-1 / order) - Math.log(delta * order) / (order - 1)
      if (epsilon < best.epsilon) best = { epsilon: Math.max(0, epsilon), order }
    }
    return { ...best, delta }
  }
}

/** RDP of one step at order α. */
export function rdpOfStep(q: number, sigma: number, order: number): number {
  if (q === 0) return 0
  if (q === 1) return order / (2 * sigma * sigma)
  const logMoment = Number.isInteger(order) ? integerMoment(q, sigma, order) : fractionalMoment(q, sigma, order)
  return logMoment / (order - 1)
}

/** log A_α for whole α: Σ C(α,k) (1−q)^(α−k) q^k exp(k(k−1)/2σ²), equation 14 of the paper. */
function integerMoment(q: number, sigma: number, order: number): number {
  let total = Number.NEGATIVE_INFINITY
  let logBinomial = 0
  for (let k = 0; k <= order; k++) {
    if (k > 0) logBinomial += Math.log(order - k + 1) - Math.log(k)
    const term = logBinomial + k * Math.log(q) + (order - k) * Math.log1p(-q) + (k * k - k) / (2 * sigma * sigma)
    total = logAdd(total, term)
  }
  return total
}

/** log A_α for fractional α: the two infinite series of section 3.3, split at z₀ = σ² log(1/q − 1) + 1/2. */
function fractionalMoment(q: number, sigma: number, order: number): number {
  let [first, second] = [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY]
  const split = sigma * sigma * Math.log(1 / q - 1) + 0.5
  let logCoefficient = 0
  let sign = 1
  for (let i = 0; i < 10_000; i++) {
    if (i > 0) {
      const factor = (order - i + 1) / i
      logCoefficient += Math.log(Math.abs(factor))
      if (factor < 0) sign = -sign
    }
    const j = order - i
    const left =
      logCoefficient +
      i * Math.log(q) +
      j * Math.log1p(-q) +
      (i * i - i) / (2 * sigma * sigma) +
      Math.log(0.5) +
      logErfc((i - split) / (Math.SQRT2 * sigma))
    const right =
      logCoefficient +
      j * Math.log(q) +
      i * Math.log1p(-q) +
      (j * j - j) / (2 * sigma * sigma) +
      Math.log(0.5) +
      logErfc((split - j) / (Math.SQRT2 * sigma))
    first = sign > 0 ? logAdd(first, left) : logSubtract(first, left)
    second = sign > 0 ? logAdd(second, right) : logSubtract(second, right)
    if (Math.max(left, right) < -30 && i > order) break
  }
  return logAdd(first, second)
}

function logAdd(a: number, b: number): number {
  const [low, high] = a < b ? [a, b] : [b, a]
  return low === Number.NEGATIVE_INFINITY ? high : high + Math.log1p(Math.exp(low - high))
}

/** log(e^a − e^b), a ≥ b up to rounding. */
function logSubtract(a: number, b: number): number {
  return b >= a ? Number.NEGATIVE_INFINITY : a + Math.log1p(-Math.exp(b - a))
}

/**
 * log(erfc(x)). For large x by the continued fraction (Abramowitz & Stegun 7.1.14), else from the Taylor series of erf;
 * relative error below 1e-12.
 */
export function logErfc(x: number): number {
  if (x > 2.5) {
    let fraction = 0
    for (let k = 120; k >= 1; k--) fraction = k / 2 / (x + fraction)
    return -x * x - Math.log(Math.sqrt(Math.PI) * (x + fraction))
  }
  if (x < -2.5) return Math.log(2 - Math.exp(logErfc(-x)))
  let [sum, term] = [x, x]
  for (let n = 1; n < 100; n++) {
    term *= (-x * x) / n
    sum += term / (2 * n + 1)
  }
  return Math.log1p((-2 / Math.sqrt(Math.PI)) * sum)
}
