// SPDX-License-Identifier: GPL-3.0-or-later
// Vectors of any length ↔ slots of ciphertexts. Slot 0 of every ciphertext carries the weight, and the rest carry weight-scaled values. The
// last ciphertext is padded with zeros, which are checked after decryption.
import { FheError } from './errors.ts'
import { KEY_TEST_ROUND } from './header.ts'
import type { Plan } from './plan.ts'

/** How a vector of a round lies in ciphertexts. */
export type VectorShape = { readonly length: number; readonly ciphertexts: number }

/** The plan's shape; in the trial decryption, exactly one full ciphertext. */
export function shapeOf(plan: Plan, round: number): VectorShape {
  return round === KEY_TEST_ROUND
    ? { length: plan.valuesPerCiphertext, ciphertexts: 1 }
    : { length: plan.vectorLength, ciphertexts: plan.ciphertexts }
}

/**
 * Throws `FheError('invalid-argument')` unless the vector has the right length and only finite values within ±clipBound,
 * and 0 ≤ weight ≤ maxWeight. An update of weight 0 is zero in every slot.
 */
export function checkVector(plan: Plan, shape: VectorShape, vector: ArrayLike<number>, weight: number): void {
  if (vector.length !== shape.length) {
    throw new FheError('invalid-argument', `the vector has ${vector.length} values, the plan is for ${shape.length}`, {
      field: 'vector',
    })
  }
  if (!(weight >= 0 && weight <= plan.maxWeight)) {
    throw new FheError('invalid-argument', `weight is ${weight}; 0 to ${plan.maxWeight} is needed`, {
      field: 'weight',
    })
  }
  // Half a unit of single precision: a value clipped to the bound in float32 may exceed it slightly in float64.
  const bound = plan.clipBound * (1 + 2 ** -23)
  for (let i = 0; i < vector.length; i++) {
    // Also false for NaN.
    if (Math.abs(vector[i]!) <= bound) continue
    // The value itself stays out of the message: it is a plaintext update.
    throw new FheError(
      'invalid-argument',
      `vector[${i}] is not a finite value within ±${plan.clipBound}; clip it first`,
      {
        field: 'vector',
        index: i,
      },
    )
  }
  // In the trial decryption everyone knows the vector, and the outcome is compared with it.
  if (shape.length === plan.vectorLength) checkNorm(plan, vector, weight)
}

/** The proof exists only for plaintexts up to this norm. */
function checkNorm(plan: Plan, vector: ArrayLike<number>, weight: number): void {
  let squares = 0
  for (let i = 0; i < vector.length; i++) squares += vector[i]! ** 2
  if (Math.sqrt(squares) * (weight / plan.maxWeight) <= plan.clipNorm * (1 + 2 ** -20)) return
  throw new FheError(
    'invalid-argument',
    `weight/maxWeight times the Euclidean norm of the vector is above the clip norm ${plan.clipNorm}; scale the vector down first`,
    { field: 'vector' },
  )
}

/** Slots of ciphertext `index` of a vector, in the clear: the caller wipes them. */
export function pack(plan: Plan, vector: ArrayLike<number>, weight: number, index: number): Float64Array {
  const slots = new Float64Array(plan.set.degree / 2)
  const share = weight / plan.maxWeight
  slots[0] = share * plan.weightAmplitude
  const from = index * plan.valuesPerCiphertext
  const count = Math.min(plan.valuesPerCiphertext, vector.length - from)
  for (let i = 0; i < count; i++) slots[1 + i] = vector[from + i]! * share
  return slots
}

/** Σ weight/maxWeight of a ciphertext, from its slot 0. */
export function weightOf(plan: Plan, real: Float64Array): number {
  return real[0]! / plan.weightAmplitude
}
