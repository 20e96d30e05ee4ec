// SPDX-License-Identifier: GPL-3.0-or-later
// Client-level differential privacy: clip the whole update, add Gaussian noise. Keepers may share the noise: n keepers that each add σC/√n
// together add σC. No single one must be trusted, but each one that leaves its part out weakens the result.
import { randomBytes } from 'node:crypto'
import { LearningError } from '../errors.ts'
import type { SeededRandom } from '../random.ts'
import { clipToNorm } from '../strategy/mean.ts'

export type PrivacySettings = {
  /** C, Euclidean bound on one client's update (its weights minus the global ones). */
  readonly clippingNorm: number
  /** σ, noise on the SUM of updates in multiples of C. */
  readonly noiseMultiplier: number
}

/** A source of standard normal values. */
export type NormalSource = () => number

/**
 * Normal values from the operating system's randomness, 53 bits each (Box–Muller). For real use; simulations pass a seeded source.
 * Like every floating-point Gaussian it is exposed to the attack of Mironov (2012) in principle; the accountant's ε ignores that.
 */
export function secureNormal(): NormalSource {
  let pool = Buffer.alloc(0)
  let at = 0
  const uniform = () => {
    if (at + 8 > pool.length) {
      pool = randomBytes(8192)
      at = 0
    }
    const value = Number(pool.readBigUInt64LE(at) >> 11n)
    at += 8
    return (value + 1) / 2 ** 53
  }
  let spare: number | null = null
  return () => {
    if (spare !== null) {
      const value = spare
      spare = null
      return value
    }
    const radius = Math.sqrt(-2 * Math.log(uniform()))
    const angle = 2 * Math.PI * uniform()
    spare = radius * Math.sin(angle)
    return radius * Math.cos(angle)
  }
}

/** For simulations and tests only. */
export function seededNormal(random: SeededRandom): NormalSource {
  return () => random.normal()
}

/** Deviations beyond which a noise value is drawn again: 1.5e-23 of them, which no δ notices. */
export const NOISE_TAIL = 10

/** Deviation of one keeper's share of the noise: `contributors` shares of σC/√contributors add up to σC. BAD_PARAMETERS. */
export function noiseShare(settings: PrivacySettings & { readonly contributors: number }): number {
  const { clippingNorm, noiseMultiplier, contributors } = settings
  if (!(noiseMultiplier >= 0) || !Number.isInteger(contributors) || contributors < 1) {
    throw new LearningError(
      'BAD_PARAMETERS',
      `noise multiplier ${noiseMultiplier} must be ≥ 0 and contributors ${contributors} a positive integer`,
    )
  }
  return (noiseMultiplier * clippingNorm) / Math.sqrt(contributors)
}

/** Adds noise of that deviation to `update`, in place, each value within ±NOISE_TAIL deviations. 0 draws nothing. */
export function addNoiseShare(update: Float32Array, deviation: number, normal: NormalSource = secureNormal()): void {
  if (deviation === 0) return
  for (let i = 0; i < update.length; i++) {
    let drawn = normal()
    while (Math.abs(drawn) > NOISE_TAIL) drawn = normal()
    update[i]! += deviation * drawn
  }
}

/**
 * One keeper's private weights: global + clip(local − global) + its share of the noise. `contributors` = how many keepers
 * add noise this round; the mean over them then carries σC/n per coordinate.
 */
export function privatise(
  global: Float32Array,
  local: Float32Array,
  settings: PrivacySettings & { readonly contributors: number },
  normal: NormalSource = secureNormal(),
): Float32Array<ArrayBuffer> {
  if (global.length !== local.length) {
    throw new LearningError('BAD_VECTOR', `local weights have ${local.length} values, the global ones ${global.length}`)
  }
  const deviation = noiseShare(settings)
  const update = Float32Array.from(local, (value, i) => value - global[i]!)
  clipToNorm(update, settings.clippingNorm)
  addNoiseShare(update, deviation, normal)
  return update.map((value, i) => global[i]! + value)
}
