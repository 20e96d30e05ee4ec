// SPDX-License-Identifier: GPL-3.0-or-later
// A fraud model's view of a transaction: eight numbers of at most five bits, as contracts/consumers/SpendFeatures.sol encodes them.
// A test compares the two, byte for byte.
import { LearningError } from '../../learning/index.ts'

/** Number of a transaction's features; below, the bits of each that can be set. */
export const SPEND_FEATURES = 8
export const FEATURE_BITS = [0, 1, 2, 3, 4] as const

/** The kind of a transaction: the values of the seventh feature (ISpendingGuard.SpendClass). */
export const SPEND_CLASSES = [
  'native',
  'native-with-data',
  'token-transfer',
  'token-transfer-from',
  'token-approval',
  'token-unknown',
  'self-call',
  'delegate-call',
] as const
export type SpendClass = (typeof SPEND_CLASSES)[number]

/** Who started it: the values of the eighth feature (ISpendingGuard.Origin). */
export const SPEND_ORIGINS = ['owners', 'module', 'hook'] as const
export type SpendOrigin = (typeof SPEND_ORIGINS)[number]

/** A transaction and the guard's knowledge of account, asset and recipient. Amounts in the asset's least unit. */
export type SpendFacts = {
  readonly amount: bigint
  /** Limit of the asset per window. */
  readonly limit: bigint
  /** How much of the asset was spent earlier in the window. */
  readonly spent: bigint
  /** The number of those spends. */
  readonly count: number
  /** Seconds since the account's last spend; null if there is none yet. */
  readonly idle: number | null
  /** How often the recipient was paid before. */
  readonly paidBefore: number
  readonly recipientHasCode: boolean
  readonly class: SpendClass
  readonly origin: SpendOrigin
}

const FIVE_BITS = 31
const FOUR_BITS = 15
/** The 256th part of a limit has bit length 1. */
const LIMIT_PARTS = 256n
/** The largest amount that the contract multiplies. */
const MOST_MULTIPLIED = 2n ** 240n - 1n
const MINUTE = 60

/** The eight features, each 0 … 31. */
export function spendFeatures(facts: SpendFacts): Uint8Array {
  const { amount, limit, spent, count, idle, paidBefore, recipientHasCode } = facts
  return Uint8Array.of(
    sizeOf(amount, limit),
    sizeOf(spent, limit),
    Math.min(count, FIVE_BITS),
    idle === null ? FIVE_BITS : bitLength(BigInt(Math.floor(idle / MINUTE))),
    Math.min(paidBefore, FOUR_BITS),
    recipientHasCode ? 1 : 0,
    SPEND_CLASSES.indexOf(facts.class),
    SPEND_ORIGINS.indexOf(facts.origin),
  )
}

/** The features as a dataset's sample holds them: [8, 5] bits, lowest first, 0 or 255 (a dataset of bytes is read as value / 255). */
export function featureBits(features: Uint8Array): Uint8Array {
  if (features.length !== SPEND_FEATURES || features.some((feature) => feature > FIVE_BITS)) {
    throw new LearningError(
      'BAD_DATA',
      `features [${features}]: expected ${SPEND_FEATURES} numbers from 0 to ${FIVE_BITS}`,
    )
  }
  const bits = new Uint8Array(SPEND_FEATURES * FEATURE_BITS.length)
  for (const [at, feature] of features.entries()) {
    for (const [k, bit] of FEATURE_BITS.entries()) bits[at * FEATURE_BITS.length + k] = ((feature >> bit) & 1) * 255
  }
  return bits
}

/** Bit length of 256 · amount / limit, at most 31; a limit of 0 counts as 1. */
function sizeOf(amount: bigint, limit: bigint): number {
  if (amount > MOST_MULTIPLIED) return FIVE_BITS
  return Math.min(bitLength((amount * LIMIT_PARTS) / (limit === 0n ? 1n : limit)), FIVE_BITS)
}

function bitLength(number: bigint): number {
  return number === 0n ? 0 : number.toString(2).length
}
