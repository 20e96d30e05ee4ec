// SPDX-License-Identifier: GPL-3.0-or-later
// What a member dealt, expanded again from what it keeps of it: nobody else can say what its polynomials are beyond the points
// that it was dealt.
import type { Kernel } from './kernel/kernel.ts'
import type { Plan } from './plan.ts'
import { eachDifference } from './shamir.ts'
import { extraResidues } from './sizes.ts'

export type OwnDealing = {
  /** s in NTT form over the data primes. Secret. */
  readonly secret: Uint8Array
  /** Of everything else that was dealt. Secret. */
  readonly seed: Uint8Array
}

/** Lends the first `count` forward differences at 0 of what the member dealt, laid out as a dealt vector is; wipes each. */
export function ownDifferences(
  kernel: Kernel,
  plan: Plan,
  own: OwnDealing,
  count: number,
  use: (k: number, difference: Uint8Array) => void,
): void {
  const extras = extraResidues(plan.roundsPerKey)
  kernel.borrow([kernel.polynomialBytes], (secret) => {
    kernel.write(secret!, own.secret)
    eachDifference(kernel, { secret: secret!, seed: own.seed, extras, threshold: count }, (k, block) => {
      const difference = kernel.read(block)
      try {
        use(k, difference)
      } finally {
        difference.fill(0)
      }
    })
  })
}
