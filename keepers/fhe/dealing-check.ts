// SPDX-License-Identifier: GPL-3.0-or-later
// A dealing proves its own validity. Besides f, the dealer deals a few masks g and publishes h = g + Σ_k χ_k·f_k, a polynomial of degree t − 1 in the
// members' points. χ comes from a hash of everything that the dealer has sealed. So a dealing that does not lie on polynomials of that degree fits no
// h, except for one choice of χ in p^3 for each prime. Members that find h(α_j) in their shares hold shares of the same polynomial. h(0) is hidden by
// g(0), and member j knows h(α_j) anyway.
import { ByteStream } from './byte-stream.ts'
import { ByteWriter, hash } from './encoding.ts'
import { FheError } from './errors.ts'
import { contextBytes } from './header.ts'
import type { Block, Kernel } from './kernel/kernel.ts'
import type { Dealing, KeyGenerationFrame } from './key-messages.ts'
import type { Plan } from './plan.ts'
import { type DealingOf, eachDifference, evaluate, extrasAt } from './shamir.ts'
import { DEALING_REPEATS, extraResidues, PROJECTION_ROWS } from './sizes.ts'

/** How many residues per prime h combines: f and the pads. The masks come after them. */
function combined(plan: Plan): number {
  return plan.set.degree + PROJECTION_ROWS * plan.roundsPerKey
}

/** The seed of χ, from everything that determines the dealt values. The sealed bytes fix the plaintexts: keys and nonces are theirs. */
function challengeSeed(frame: KeyGenerationFrame, dealer: number, digests: readonly Uint8Array[]): Uint8Array {
  const { plan, context, rosterHash, crs } = frame
  const { chainId, service, epoch } = context
  const head = [plan.hash, contextBytes({ chainId, service, epoch }), rosterHash, crs]
  return hash('dealing check', ...head, new ByteWriter().u16(dealer).finish(), ...digests)
}

/**
 * Lends χ: one vector of residues a repeat, the same numbers for every prime (they are below all of them, and the primes'
 * statements are apart).
 */
function withChallenge<T>(
  kernel: Kernel,
  frame: KeyGenerationFrame,
  dealer: number,
  digests: readonly Uint8Array[],
  use: (chi: readonly Block[]) => T,
): T {
  const count = combined(frame.plan)
  const words = count + 2 * Math.ceil(count / 128) + 2
  const stream = new ByteStream(challengeSeed(frame, dealer, digests), 8 * words, 'public')
  const least = leastPrime(kernel)
  const lengths = Array.from({ length: DEALING_REPEATS }, () => 8 * count)
  return kernel.borrow([8 * words, ...lengths], (room, ...chi) => {
    for (const [repeat, vector] of chi.entries()) {
      stream.read(repeat, kernel.view(room!))
      const found = kernel.calls.uniformResidues(least, vector.at, room!.at, words, count)
      if (found < count) throw new Error('the stream of a challenge ran out of words')
    }
    return use(chi)
  })
}

/** Record of the smallest data prime. */
function leastPrime(kernel: Kernel): number {
  const data = kernel.primes.slice(0, kernel.dataPrimeCount)
  const least = data.reduce((low, prime, l) => (prime < data[low]! ? l : low), 0)
  return kernel.records[least]!
}

/** g + Σ χ_k·f_k of one dealt vector, by repeat, then by data prime. */
function combine(kernel: Kernel, plan: Plan, chi: readonly Block[], vector: Block): bigint[] {
  const { calls, degree, dataPrimeCount } = kernel
  const extras = extraResidues(plan.roundsPerKey)
  const pads = PROJECTION_ROWS * plan.roundsPerKey
  return chi.flatMap((factors, repeat) =>
    Array.from({ length: dataPrimeCount }, (_, l) => {
      const record = kernel.records[l]!
      const at = extrasAt(kernel, vector, extras, l)
      const ofSecret = calls.innerProduct(record, factors.at, kernel.residues(vector, l), degree)
      const ofPads = calls.innerProduct(record, factors.at + 8 * degree, at, pads)
      const mask = new DataView(calls.memory.buffer).getBigUint64(at + 8 * (pads + repeat), true)
      return (BigInt.asUintN(64, ofSecret) + BigInt.asUintN(64, ofPads) + mask) % kernel.primes[l]!
    }),
  )
}

/** The differences of h for a dealing with sealed shares of these digests. */
export function proveDealing(
  kernel: Kernel,
  frame: KeyGenerationFrame,
  dealer: number,
  digests: readonly Uint8Array[],
  of: Omit<DealingOf, 'members'>,
): Dealing['h'] {
  return withChallenge(kernel, frame, dealer, digests, (chi) => {
    const h: bigint[][] = []
    eachDifference(kernel, of, (_, difference) => h.push(combine(kernel, frame.plan, chi, difference)))
    return h
  })
}

/**
 * Throws `FheError('coefficient-out-of-range' | 'dealing-inconsistent')` unless `share`, which `dealer` dealt to `receiver`, holds residues
 * below their primes and fits the dealing's h. `room` has `plan.bytes.dealt`.
 */
export function checkDealt(
  kernel: Kernel,
  frame: KeyGenerationFrame,
  of: { readonly dealer: number; readonly receiver: number; readonly dealing: Dealing },
  share: Uint8Array,
  room: Block,
): void {
  const { plan } = frame
  const { dealer: sender, receiver, dealing } = of
  const extras = extraResidues(plan.roundsPerKey)
  kernel.write(room, share)
  for (let l = 0; l < kernel.dataPrimeCount; l++) {
    const [record, at] = [kernel.records[l]!, extrasAt(kernel, room, extras, l)]
    if (kernel.calls.allBelow(record, kernel.residues(room, l), kernel.degree)) {
      if (kernel.calls.allBelow(record, at, extras)) continue
    }
    throw new FheError('coefficient-out-of-range', `the share dealt by member ${sender} is not below prime ${l}`, {
      sender,
    })
  }
  const found = withChallenge(kernel, frame, sender, dealing.digests, (chi) => combine(kernel, plan, chi, room))
  for (const [column, value] of found.entries()) {
    const differences = dealing.h.map((difference) => difference[column]!)
    if (evaluate(differences, receiver, kernel.primes[column % kernel.dataPrimeCount]!) === value) continue
    throw new FheError(
      'dealing-inconsistent',
      `what member ${sender} dealt to member ${receiver} is not on the polynomials that its dealing speaks of`,
      { sender, receiver },
    )
  }
}
