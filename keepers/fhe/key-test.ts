// SPDX-License-Identifier: GPL-3.0-or-later
// Rule 6: before the first round, everyone encrypts a vector that everyone knows, and all members decrypt the sum.
// With all n in the active set the interpolation runs through every share, so one inconsistent dealing shows.
import { createHash } from 'node:crypto'
import { FheError } from './errors.ts'
import { KEY_TEST_ROUND } from './header.ts'
import { shapeOf } from './packing.ts'
import { type Plan, sumErrorBound } from './plan.ts'
import type { Combined } from './types.ts'

/** The known vector, within ±clipBound and clipNorm, from the key's hash. Encrypt it with weight `plan.maxWeight`. */
export function keyTestVector(plan: Plan, keyHash: Uint8Array): Float64Array {
  const { length } = shapeOf(plan, KEY_TEST_ROUND)
  const stream = createHash('shake256', { outputLength: 2 * length })
    .update(keyHash)
    .digest()
  // The longest vector of such values is within the norm that an encryption may have.
  const most = Math.min(plan.clipBound, plan.clipNorm / Math.sqrt(length))
  // Sixteen bits each, mapped to [−most, most].
  return Float64Array.from({ length }, (_, i) => (stream.readUInt16LE(2 * i) / 32767.5 - 1) * most)
}

/** Throws `FheError('key-test-failed')` when the key did not decrypt to the known vector: generate another key. */
export function checkKeyTest(plan: Plan, keyHash: Uint8Array, outcome: Combined): void {
  const wanted = keyTestVector(plan, keyHash)
  const weight = outcome.weight / plan.maxWeight
  const limit = (sumErrorBound(plan, plan.members) * (1 + plan.clipBound / plan.weightAmplitude)) / weight
  if (outcome.mean.length !== wanted.length) {
    throw new FheError(
      'key-test-failed',
      `the trial decryption has ${outcome.mean.length} values, not ${wanted.length}`,
    )
  }
  let worst = 0
  // Math.max hands NaN on, and NaN fails the comparison below.
  for (const [i, value] of wanted.entries()) worst = Math.max(worst, Math.abs(outcome.mean[i]! - value))
  if (!(worst <= limit)) {
    throw new FheError(
      'key-test-failed',
      `the trial decryption is off by ${worst}, ${limit} is allowed; generate another key`,
      {
        worst,
        limit,
      },
    )
  }
}
