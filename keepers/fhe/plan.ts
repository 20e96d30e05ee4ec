// SPDX-License-Identifier: GPL-3.0-or-later
// The calculator: from who decrypts what and how often, to the width of the flooding, the precision that is left and
// the bits of security, or a refusal.
import { ByteWriter, hash } from './encoding.ts'
import { FheError } from './errors.ts'
import { dataModulusBits, dataPrimes, type ParameterSet, parameterSet, validateParameterSet } from './parameters.ts'
import {
  CANDIDATE_BITS,
  dataModulus,
  MODULUS_SHARE,
  type ProofBounds,
  proofBounds,
  provenNorm,
} from './proof-budget.ts'
import { messageSizes, vectorShape } from './sizes.ts'
import { type WireFormat, wireFormat } from './wire-format.ts'

export type PlanOptions = {
  /** A named set (default 'default') or one of your own, which is validated. */
  readonly set?: string | ParameterSet
  /** n, 1 to 256. */
  readonly members: number
  /** t, the decryption threshold: n/2 < t ≤ n, so that no two disjoint sets can both decrypt. */
  readonly threshold: number
  /** Parameters of the model: the length of every update vector, ≥ 1. */
  readonly vectorLength: number
  /** Largest |value| in an update vector, > 0. */
  readonly clipBound: number
  /** Largest weight of one update (default 1). Weights travel as weight / maxWeight. */
  readonly maxWeight?: number
  /** Least total weight that a round is decrypted for, in the same unit (default maxWeight): sets the precision. */
  readonly minTotalWeight?: number
  /** Bound on the Euclidean norm of weight/maxWeight · vector (default: clipBound·√vectorLength, the most that `clipBound` allows). */
  readonly clipNorm?: number
  /**
   * Rounds that updates are made for under one key (default decryptionsPerKey): for each, every member deals the pads of one
   * proof, 2.3 KB to each member with the set "default". 1 to 4096.
   */
  readonly roundsPerKey?: number
  /** Decryptions of aggregates before the key is rotated, ≥ 1, without the key's trial decryption. */
  readonly decryptionsPerKey: number
  /** s, statistical bits of the flooding: 30 to 160, default 128. */
  readonly statisticalBits?: number
  /** log2 of the scale; default the set's own. 'widest' takes the largest that holds the sum. */
  readonly scaleBits?: number | 'widest'
  /** Refuse when the mean has fewer bits after the point than this (default 6). */
  readonly minPrecisionBits?: number
}

/** The parameters on which the members of an epoch agree. `hash` is in the header of every message. */
export type Plan = {
  readonly set: ParameterSet
  readonly members: number
  readonly threshold: number
  readonly vectorLength: number
  readonly clipBound: number
  readonly maxWeight: number
  readonly minTotalWeight: number
  readonly decryptionsPerKey: number
  readonly clipNorm: number
  readonly roundsPerKey: number
  readonly statisticalBits: number
  readonly scaleBits: number
  /** Parameters in one ciphertext: N − 1, for coefficient 0 carries the weight. */
  readonly valuesPerCiphertext: number
  /** Ciphertexts of one update. */
  readonly ciphertexts: number
  /** Coefficients of one update that travel. */
  readonly carried: number
  /** What of a coefficient travels. */
  readonly wire: WireFormat
  /** Ciphertexts decrypted under one key (τ of the flooding formula). */
  readonly ciphertextDecryptions: number
  /** log2 of the bound on the Euclidean norm of the noise of an aggregate. */
  readonly log2NoiseNorm: number
  readonly flooding: {
    /** r: a coefficient of the flooding is the sum of three uniform r-bit integers, centred. */
    readonly uniformBits: number
    /** log2 of its standard deviation, √(3·(2^2r − 1)/12) ≈ 2^(r−1). */
    readonly log2Sigma: number
    /** log2 of the standard deviation that the formula asks for; never above `log2Sigma`. */
    readonly log2Required: number
  }
  readonly precision: {
    /** Bound on the error of any value of the decrypted sum (t shares), false with probability 2^-40 per round. */
    readonly sumError: number
    /** Bound on the error of any entry of the weighted mean at `minTotalWeight`. */
    readonly meanError: number
    /** −log2(meanError), rounded down. */
    readonly bits: number
  }
  /** The value of a ciphertext's first coefficient for a full weight. */
  readonly weightAmplitude: number
  /** Bounds and masks of the proof that an update is short; coefficients at the plan's scale. */
  readonly proof: ProofBounds & {
    /** The Euclidean norm of an update that passes does not exceed this. */
    readonly norm: number
  }
  /** Computational bits of the ring-LWE instance, from the standard's table. */
  readonly securityBits: number
  /** Sizes of the messages, bytes. */
  readonly bytes: ReturnType<typeof messageSizes>
  readonly hash: Uint8Array
}

/** Bits of the uniform terms that the kernel can sample: three of them still fit a signed 128-bit integer. */
const MAX_UNIFORM_BITS = 96
const MIN_UNIFORM_BITS = 8
/** Of pads, 2.3 KB a pair of members and round: above this, a dealing has some 10 MB a member. */
const MAX_ROUNDS_PER_KEY = 4096
/** Standard deviation of the centred binomial with 21 coin pairs, which SEAL and we use for e: √(21/2). */
const ERROR_STDDEV = Math.sqrt(21 / 2)
/** Fisher information of the sum of three uniforms × its variance; a Gaussian has 1. See README, "Flooding". */
export const FISHER_FACTOR = 1.15
/** Probability that some value of a round exceeds the stated bound, by the union bound. */
const LOG2_FAILURE = -40

/** Works out a plan. Throws `FheError('invalid-parameters' | 'plan-impossible')` with the field, its value and the fix. */
export function plan(options: PlanOptions): Plan {
  const set =
    typeof options.set === 'object' ? validateParameterSet(options.set) : parameterSet(options.set ?? 'default')
  const { members, threshold, vectorLength, clipBound, decryptionsPerKey } = options
  const { maxWeight = 1, statisticalBits = 128, minPrecisionBits = 6 } = options
  const { minTotalWeight = maxWeight } = options
  integer('members', members, 1, 256)
  integer('threshold', threshold, Math.floor(members / 2) + 1, members)
  integer('vectorLength', vectorLength, 1, 2 ** 31)
  integer('decryptionsPerKey', decryptionsPerKey, 1, 2 ** 32)
  integer('statisticalBits', statisticalBits, 30, 160)
  positive('clipBound', clipBound)
  const { clipNorm = clipBound * Math.sqrt(vectorLength) } = options
  const { roundsPerKey = Math.min(decryptionsPerKey, MAX_ROUNDS_PER_KEY) } = options
  positive('clipNorm', clipNorm)
  integer('roundsPerKey', roundsPerKey, 1, MAX_ROUNDS_PER_KEY)
  positive('maxWeight', maxWeight)
  positive('minTotalWeight', minTotalWeight)

  const valuesPerCiphertext = set.degree - 1
  const { ciphertexts, carried } = vectorShape(set, vectorLength)
  const ciphertextDecryptions = (decryptionsPerKey + 1) * ciphertexts

  const log2NoiseNorm = Math.log2(noiseNorm(set, members))
  // Li, Micciancio, Schultz, Sorrell (CRYPTO 2022): σ = √(12τ)·2^(s/2)·B leaves s bits after τ decryptions.
  const log2Required = 0.5 * Math.log2(FISHER_FACTOR * 12 * ciphertextDecryptions) + statisticalBits / 2 + log2NoiseNorm
  const uniformBits = Math.max(MIN_UNIFORM_BITS, Math.ceil(log2Required + 1))
  if (uniformBits > MAX_UNIFORM_BITS) {
    throw impossible(
      'statisticalBits',
      `flooding of 2^${log2Required.toFixed(1)} is wider than the sampler's 2^${MAX_UNIFORM_BITS - 1}; lower statisticalBits (${statisticalBits}) or decryptionsPerKey (${decryptionsPerKey})`,
    )
  }
  const log2Sigma = uniformBits - 1
  const wire = wireFormat(set, { log2Sigma, members, threshold })
  // Half of what is dropped of each coefficient.
  const dropped = 2 ** (wire.droppedBits - 1)

  // Weights need at most as much room as values, and all of them together at most a quarter of the norm.
  const weightAmplitude = Math.min(Math.max(clipBound, 1), clipNorm / (2 * Math.sqrt(ciphertexts)))
  const messageNorm = Math.sqrt(clipNorm ** 2 + ciphertexts * weightAmplitude ** 2)
  const boundsAt = (bits: number) =>
    proofBounds({ carried, scaleBits: bits, messageNorm, dropped, statisticalBits, roundsPerKey })
  // Any updates that pass must add up below Q/2, flooding included: three uniforms of r bits, centred, in each share.
  const room = (dataModulus(set) / 2) * MODULUS_SHARE - threshold * (1.5 * 2 ** uniformBits + dropped)
  const fits = (bits: number) => members * boundsAt(bits).entry <= room
  let widest = dataModulusBits(set) - 1
  while (widest > 0 && !fits(widest)) widest--
  const scaleBits =
    options.scaleBits === 'widest' ? Math.max(widest, 1) : (options.scaleBits ?? Math.min(set.scaleBits, widest))
  integer('scaleBits', scaleBits, 1, dataModulusBits(set) - 1)
  if (scaleBits > widest) {
    throw impossible(
      'scaleBits',
      `${members} members × clip norm ${clipNorm} at scale 2^${scaleBits}, times what a proof of shortness leaves open, need more than the modulus holds; lower clipNorm, or scaleBits to ${widest} at most`,
    )
  }
  const bounds = boundsAt(scaleBits)
  const proof = { ...bounds, norm: provenNorm(set, carried, Number(bounds.limit)) }
  const sumError = errorBound({ scaleBits, log2Sigma, wire, carried, members, proof }, threshold)
  if (sumError >= 0.5 * Math.min(clipBound, clipNorm)) {
    throw impossible(
      'scaleBits',
      `the flooding drowns the message: errors up to ${sumError.toPrecision(2)}; raise scaleBits (${widest} at most), lower clipNorm or statisticalBits or use another set`,
    )
  }
  const meanError = (sumError * maxWeight) / minTotalWeight
  const bits = Math.floor(-Math.log2(meanError))
  if (bits < minPrecisionBits) {
    throw impossible(
      'minPrecisionBits',
      `the mean keeps ${bits} bits after the point, ${minPrecisionBits} are asked for; raise scaleBits (${widest} at most), lower clipNorm, statisticalBits or decryptionsPerKey, or use the set "precise"`,
    )
  }
  const agreed = {
    set,
    members,
    threshold,
    vectorLength,
    clipBound,
    maxWeight,
    minTotalWeight,
    decryptionsPerKey,
    clipNorm,
    roundsPerKey,
    statisticalBits,
    scaleBits,
    valuesPerCiphertext,
    ciphertexts,
    carried,
    wire,
    ciphertextDecryptions,
    log2NoiseNorm,
    flooding: { uniformBits, log2Sigma, log2Required },
    precision: { sumError, meanError, bits },
    weightAmplitude,
    proof,
    securityBits: set.securityBits,
    bytes: messageSizes({ set, carried, wire, members, threshold, roundsPerKey, candidateBits: CANDIDATE_BITS }),
  }
  return { ...agreed, hash: planHash(agreed) }
}

/** Bound on the error of any value when `shares` members decrypt together. */
function errorBound(
  of: {
    readonly scaleBits: number
    readonly log2Sigma: number
    readonly wire: WireFormat
    readonly carried: number
    readonly members: number
    readonly proof: Pick<Plan['proof'], 'entry'>
  },
  shares: number,
): number {
  // The flooding is Gaussian by number. What is dropped of a uniform coefficient is uniform: sub-Gaussian within ± half of it.
  const dropped = 2 ** (of.wire.droppedBits - 1)
  const sigma = Math.sqrt(shares * 4 ** of.log2Sigma + (of.members + shares) * dropped ** 2)
  const tail = Math.sqrt(2 * Math.LN2 * (Math.log2(of.carried) - LOG2_FAILURE))
  // Doubles have 53 bits of whatever updates that pass can add up to.
  const float = of.members * of.proof.entry * 2 ** -51
  return (tail * sigma + float) * 2 ** -of.scaleBits
}

/** The same for a whole plan. */
export function sumErrorBound(agreed: Plan, shares: number): number {
  const { scaleBits, wire, carried, members, proof } = agreed
  return errorBound({ scaleBits, log2Sigma: agreed.flooding.log2Sigma, wire, carried, members, proof }, shares)
}

/**
 * Bound on any coefficient of the sum of so many updates that passed their proofs, decrypted by so many shares, in units of
 * the scale.
 */
export function coefficientBound(agreed: Plan, shares: number, contributors: number): number {
  const ofShare = 1.5 * 2 ** agreed.flooding.uniformBits + 2 ** (agreed.wire.droppedBits - 1)
  return (contributors * agreed.proof.entry + shares * ofShare) * 2 ** -agreed.scaleBits
}

/**
 * Bound B on the Euclidean norm of the noise of a sum of n updates: each has a fresh error of its own, and the encoder's
 * rounding of 1/12. Euclidean, because the divergence of independent coefficients adds up over the ring.
 */
function noiseNorm(set: ParameterSet, members: number): number {
  const fresh2 = ERROR_STDDEV ** 2 + 1 / 12
  // Twice the root mean square: N·n independent terms hardly leave their mean; see README for the tail.
  return 2 * Math.sqrt(set.degree * members * fresh2)
}

function planHash(agreed: Omit<Plan, 'hash'>): Uint8Array {
  const writer = new ByteWriter().text(agreed.set.name).u32(agreed.set.degree).u8(agreed.set.primes.length)
  for (const prime of agreed.set.primes) writer.u64(prime)
  writer
    .u16(dataPrimes(agreed.set).length)
    .u16(agreed.scaleBits)
    .u16(agreed.flooding.uniformBits)
    .u16(agreed.statisticalBits)
    .u16(agreed.wire.droppedBits)
    .u16(agreed.members)
    .u16(agreed.threshold)
    .u32(agreed.vectorLength)
    .u64(agreed.decryptionsPerKey)
    .f64(agreed.clipBound)
    .f64(agreed.clipNorm)
    .u16(agreed.roundsPerKey)
    .f64(agreed.maxWeight)
    .f64(agreed.minTotalWeight)
  return hash('plan', writer.finish())
}

function integer(field: string, value: number, low: number, high: number): void {
  if (!Number.isInteger(value) || value < low || value > high) {
    throw new FheError('invalid-parameters', `${field} is ${value}; an integer from ${low} to ${high} is needed`, {
      field,
      value,
    })
  }
}

function positive(field: string, value: number): void {
  if (!(Number.isFinite(value) && value > 0)) {
    throw new FheError('invalid-parameters', `${field} is ${value}; a finite number above 0 is needed`, {
      field,
      value,
    })
  }
}

function impossible(field: string, why: string): FheError {
  return new FheError('plan-impossible', `${field}: ${why}`, { field })
}
