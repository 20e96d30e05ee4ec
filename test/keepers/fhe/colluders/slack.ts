// SPDX-License-Identifier: GPL-3.0-or-later
// How much a seating gives away of unknown plaintexts: by how many bits the zeros that a coefficient ends with outnumber
// what else it can be. Below some six bits, wrong guesses are more than a second ciphertext can settle.
import { testPlan } from '../ceremony.ts'
import { log2Gain, readingsOf, type Seating } from './seating.ts'

/** Norm of an update per √values. Uniform within ±1 has 0.58: updates are as long as they may be, like those of a service. */
const LONGEST = 0.6
/** Deviation of one such update's slots. */
const SLOT_DEVIATION = Math.sqrt(1 / 3)
/** Bits between a coefficient's size and the zeros that a sum of some ten ends with: a double has 53, and the least of them counts. */
const SIGNIFICANT_BITS = 54
/** log2 of √(2πe): the entropy of a normal deviate beside log2 of its deviation. */
const NORMAL_BITS = 2.05
/** With a bit to spare: at seven, no seating was seen to resist. */
const ENOUGH = 8

/** What the attack's plans are held to. */
export function limitsOf(vectorLength: number): { clipBound: number; clipNorm: number } {
  return { clipBound: 1, clipNorm: LONGEST * Math.sqrt(vectorLength) }
}

/** Bits by which a seating settles a coefficient of a sum of all honest members' updates. */
export function slackOf(seats: Seating, statisticalBits: number, vectorLength: number): number {
  const { members, threshold, colluders } = seats
  const options = { vectorLength, statisticalBits, scaleBits: 'widest', ...limitsOf(vectorLength) } as const
  const { scaleBits, set, flooding } = testPlan(members, threshold, options)
  const zeros = scaleBits + Math.log2(SLOT_DEVIATION / Math.sqrt(set.degree)) - SIGNIFICANT_BITS
  const multiples = flooding.log2Sigma - log2Gain(readingsOf(colluders, seats.activeSet)) + NORMAL_BITS
  const errors = Math.log2((21 / 2) * (members - colluders.length)) / 2 + NORMAL_BITS
  return zeros - Math.max(multiples, 0) - errors
}

/** The most flooding under which a seating has slack enough to be opened; null below what a plan may ask for. */
export function mostFlooding(seats: Seating, vectorLength: number): number | null {
  for (let bits = 128; bits >= 30; bits -= 2) if (slackOf(seats, bits, vectorLength) >= ENOUGH) return bits
  return null
}
