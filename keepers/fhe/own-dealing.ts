// SPDX-License-Identifier: GPL-3.0-or-later
// A member's own dealing, expanded again from its seed. Other members know its polynomials only at their own points.
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

/** Lends the first `count` forward differences at 0 of the member's dealing, laid out like a dealt vector; wipes each. */
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
