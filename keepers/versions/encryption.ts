// SPDX-License-Identifier: GPL-3.0-or-later
// The encryption that a service's rounds need.
import { type Plan, plan } from '../fhe/index.ts'
import { updateBound } from './bounds.ts'
import type { RoundTerms } from './terms.ts'

export type EncryptionRequest = {
  readonly members: number
  readonly threshold: number
  readonly decryptionsPerKey: number
  /** Weights of the model. */
  readonly vectorLength: number
  readonly terms: RoundTerms
}

/** The FHE plan of an epoch. @throws FheError plan-impossible if no parameters fit */
export function planFor(request: EncryptionRequest): Plan {
  const { members, terms } = request
  return plan({
    members,
    threshold: request.threshold,
    vectorLength: request.vectorLength,
    clipBound: terms.clipBound,
    clipNorm: updateBound(terms, request.vectorLength),
    maxWeight: terms.maxSamples,
    minTotalWeight: Math.min(terms.minTotalSamples, terms.maxSamples * members),
    decryptionsPerKey: request.decryptionsPerKey,
    statisticalBits: terms.statisticalBits,
    // Updates are small and bounded, so the modulus has room to spare. It is spent on precision.
    scaleBits: 'widest',
  })
}
