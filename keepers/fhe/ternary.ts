// SPDX-License-Identifier: GPL-3.0-or-later
import { randomFillSync } from 'node:crypto'
import type { Block, Kernel } from './kernel/kernel.ts'

/**
 * A secret, uniform ternary: its N digits, and the same over the data primes in NTT form. Drawn here and not by SEAL's
 * KeyGenerator, whose save would leave copies of the secret in a heap that nobody wipes; the distribution is the same (SEAL
 * rlwe.cpp, sample_poly_ternary).
 */
export function sampleSecret(kernel: Kernel, digits: Block, s: Block): void {
  const { calls, degree } = kernel
  const count = degree + (degree >> 4)
  kernel.borrow([count], (random) => {
    do randomFillSync(kernel.view(random!))
    while (calls.ternary(digits.at, random!.at, count, degree) < degree)
  })
  for (const [l, record] of kernel.records.slice(0, kernel.dataPrimeCount).entries()) {
    calls.ternaryResidues(record, kernel.residues(s, l), digits.at, degree)
    calls.forward(record, kernel.residues(s, l), kernel.logDegree)
  }
}
