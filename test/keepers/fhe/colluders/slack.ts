// SPDX-License-Identifier: GPL-3.0-or-later
// How much a seating gives away of unknown plaintexts: by how many bits the zeros that a coefficient ends with outnumber
// what else it can be. Below some six bits, wrong guesses are more than a second ciphertext can settle.
import { testPlan } from '../ceremony.ts'
import { reduced } from './lattice.ts'
import { log2Gain, readingsOf, type Seating } from './seating.ts'

/** Norm of an update per √values. Uniform within ±1 has 0.58: updates are as long as they may be, like those of a service. */
const LONGEST = 0.6
/** Deviation of one such update's values. */
const VALUE_DEVIATION = Math.sqrt(1 / 3)
/** Bits between a coefficient's size and the zeros that a sum of some ten ends with: a double has 53, and the least of them counts. */
const SIGNIFICANT_BITS = 54
/** log2 of √(2πe): the entropy of a normal deviate beside log2 of its deviation. */
const NORMAL_BITS = 2.05
/** With two bits to spare: at seven, no seating resists unless its lattice is skewed. */
const ENOUGH = 9
/** One coefficient in 500 ends with so many zeros fewer than most: these may be left open, all others not. */
const FEWER = 5
/** Two candidates so many deviations apart are mistaken for each other once in 4,000. */
const FAR = 7

/** The requirements on the attack's plans. */
export function limitsOf(vectorLength: number): { clipBound: number; clipNorm: number } {
  return { clipBound: 1, clipNorm: LONGEST * Math.sqrt(vectorLength) }
}

/**
 * How well a seating settles a coefficient of a sum of all honest members' updates. Candidates differ by vectors (δ, E) with
 * D·δ − E ≡ 0 modulo 2^zeros.
 *
 * @returns `bits`, by which log2 of this lattice's determinant exceeds the entropy of (δ, E); and `distance`, the length of its
 *   shortest vector in deviations, at the fewest zeros that matter. It can be short although the determinant is large: if D is
 *   small, or ends with many zeros itself, which tell no more of E than what is known of it.
 */
export function slackOf(
  seats: Seating,
  statisticalBits: number,
  vectorLength: number,
): { bits: number; distance: number } {
  const { members, threshold, colluders } = seats
  const options = { vectorLength, statisticalBits, scaleBits: 'widest', ...limitsOf(vectorLength) } as const
  const { scaleBits, flooding } = testPlan(members, threshold, options)
  const zeros = scaleBits + Math.log2(VALUE_DEVIATION) - SIGNIFICANT_BITS
  const readings = readingsOf(colluders, seats.activeSet)
  // δ is an integer, however little flooding is left in it.
  const log2Multiple = Math.max(flooding.log2Sigma - log2Gain(readings), -NORMAL_BITS)
  const log2Error = Math.log2((21 / 2) * (members - colluders.length)) / 2
  const modulus = 1n << BigInt(Math.floor(zeros) - FEWER)
  const [x, y] = [log2Multiple, log2Error].map((log2) => BigInt(Math.ceil(2 ** (log2 + 10))))
  const [short] = reduced([
    [y!, x! * (readings.denominator % modulus)],
    [0n, x! * modulus],
  ])
  return {
    bits: zeros - log2Multiple - log2Error - 2 * NORMAL_BITS,
    distance: (2 ** 10 * Math.hypot(...short!.map(Number))) / Number(x! * y!),
  }
}

/** The most flooding under which a seating has slack enough to be opened; null below what a plan may ask for. */
export function mostFlooding(seats: Seating, vectorLength: number): number | null {
  for (let statistical = 128; statistical >= 30; statistical -= 2) {
    const { bits, distance } = slackOf(seats, statistical, vectorLength)
    if (bits >= ENOUGH && distance >= FAR) return statistical
  }
  return null
}
